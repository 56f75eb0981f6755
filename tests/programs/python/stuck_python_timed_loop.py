# A child waits in a loop of waits with a time-out for what only a lost thread could bring: an item of a queue, a
# future, or an event that the loop thread of an installed package would set.
#
# python: 3.11-3.15
# expect: unsafe_fork WARN locks=0
# expect: stuck_child ERROR same_fork=yes
# allow: thread_after_fork
# suppress: *:*
# runs: {queue,future,package}
import concurrent.futures
import os
import queue
import sys
import tempfile
import threading

import program

PACKAGE = """
import threading

def sync():
    event = threading.Event()
    while not event.wait(0.05):
        pass

def serve(up, never):
    up.open()
    never.pass_through()
"""

items = queue.Queue()
future = concurrent.futures.Future()
up = program.Gate()
never = program.Gate()


def work():
    up.open()
    never.pass_through()


def wait(mode):
    while mode == "queue":
        try:
            return items.get(timeout=0.05)
        except queue.Empty:
            pass
    while mode == "future":
        try:
            return future.result(0.05)
        except concurrent.futures.TimeoutError:
            pass
    return loopnest.sync()


if program.mode() == "package":
    with tempfile.TemporaryDirectory() as folder:
        packages = os.path.join(folder, "site-packages")
        os.makedirs(os.path.join(packages, "loopnest"))
        with open(os.path.join(packages, "loopnest", "__init__.py"), "w") as file:
            file.write(PACKAGE)
        sys.path.insert(0, packages)
        import loopnest
    threading.Thread(target=work, name="loopnestIO", daemon=True).start()
else:
    threading.Thread(target=work, name="worker", daemon=True).start()
up.pass_through()
child = os.fork()
if child == 0:
    wait(program.mode())
    os._exit(program.FINE)
sys.stdout.flush()
os._exit(program.verdict_on_loop(child))
