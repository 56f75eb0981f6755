# `subprocess` forks beside threads that hold a Python lock most of the time. Its child runs no code that takes a lock,
# so it need not be held back; with `preexec_fn` it may, and is.
#
# python: 3.7-3.15
# expect: silent
# runs: {plain,preexec}
import subprocess
import threading

import program

lock = threading.Lock()
ready = program.Gate()


def keeper():
    for turn in range(1 << 40):
        with lock:
            sum(range(500))
        if turn == 0:
            ready.open()


def take():
    with lock:
        pass


# Newer versions would call vfork.
subprocess._USE_VFORK = False
options = {"preexec_fn": take} if program.mode() == "preexec" else {}
for _ in range(2):
    threading.Thread(target=keeper, name="keeper", daemon=True).start()
    ready.pass_through()
for _ in range(5):
    subprocess.run(["true"], check=True, **options)
