# Python code that forks to execute a program: `pty.fork`, `pty.spawn`, `os.spawnv`, and functions of packages that are
# known to. Another thread holds a lock, which the child never needs.
#
# expect: silent
# runs: {pty_fork,pty_spawn,spawnv,ptyprocess}
import os
import pty
import sys
import tempfile
import threading

import program

held = program.Gate()
never = program.Gate()
lock = threading.Lock()

PTYPROCESS = """
import os, pty
class PtyProcess:
    @classmethod
    def spawn(cls, argv):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(argv[0], argv)
        return pid, terminal
"""


def keep():
    with lock:
        held.open()
        never.pass_through()


def read_all(terminal):
    """Until the program has ended, which a terminal shows as an error."""
    try:
        while os.read(terminal, 1024):
            pass
    except OSError:
        pass


def ends_well(child, terminal):
    read_all(terminal)
    return os.waitpid(child, 0)[1]


def package():
    """A package with the path and the function of the real one."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "ptyprocess"))
        # With it, the package goes before an installed one.
        open(os.path.join(folder, "ptyprocess", "__init__.py"), "w").close()
        with open(os.path.join(folder, "ptyprocess", "ptyprocess.py"), "w") as file:
            file.write(PTYPROCESS)
        sys.path.insert(0, folder)
        from ptyprocess import ptyprocess
    return ptyprocess


threading.Thread(target=keep, name="keeper", daemon=True).start()
held.pass_through()
way = program.mode()
for _ in range(3):
    if way == "pty_fork":
        child, terminal = pty.fork()
        if child == 0:
            os.execv("/bin/true", ["true"])
        status = ends_well(child, terminal)
    elif way == "pty_spawn":
        status = pty.spawn(["/bin/true"])
    elif way == "spawnv":
        status = os.spawnv(os.P_WAIT, "/bin/true", ["true"])
    else:
        status = ends_well(*package().PtyProcess.spawn(["/bin/true"]))
    if status:
        sys.exit(program.BROKEN)
os._exit(program.FINE)
