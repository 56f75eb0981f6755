# H13: a thread is in the middle of importing a module at the fork, and holds that module's lock. The child imports
# the module too, and can never go on. CPython's own lock on all imports is put right in the child, those on modules
# are not. They are made of Python: who has to wait does so on a fresh lock, which only the owner would have released.
#
# python: 3.6-3.15
# expect: unsafe_fork function=fork threads=1
# expect: stuck_child FATAL call=sem_wait object=semaphore same_fork=yes
# suppress: unsafe_fork:*
# suppress: stuck_child:*
import os
import shutil
import sys
import tempfile
import threading

import program

inside = program.Gate()
never = program.Gate()
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "takes_its_time.py"), "w") as file:
    file.write("import __main__\n__main__.inside.open()\n__main__.never.pass_through()\n")
sys.path.insert(0, folder)


def importer():
    import takes_its_time  # noqa: F401


threading.Thread(target=importer, name="importer", daemon=True).start()
inside.pass_through()
shutil.rmtree(folder)
pid = os.fork()
if pid == 0:
    import takes_its_time  # noqa: F401

    os._exit(program.FINE)
sys.exit(program.verdict(pid))
