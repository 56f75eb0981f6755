# H1: one line starts processes, reached by two ways, while another lock is held each time. That is one finding, told
# once in full and once more for the second lock.
#
# bare: 0
# expect: unsafe_fork ERROR python=start_one locks=1 threads=1
# with: owner=keeper name="Vault.door in unsafe_fork_one_line"
# expect: unsafe_fork ERROR python=start_one locks=1 threads=1
# with: owner=keeper name="Vault.window in unsafe_fork_one_line"
import multiprocessing
import sys
import threading

import program

held = program.Gate()
release = program.Gate()
context = multiprocessing.get_context("fork")


class Vault:
    def __init__(self):
        self.door = threading.Lock()
        self.window = threading.Lock()

    def keep(self):
        for _ in range(2):
            with self.door:
                held.open()
                release.pass_through()
            with self.window:
                held.open()
                release.pass_through()


def start_one():
    process = context.Process(target=int)
    process.start()
    process.join()
    program.say("child: %d" % process.exitcode)
    return process.exitcode


def by_another_way(turns):
    return start_one() if turns == 0 else by_another_way(turns - 1)


threading.Thread(target=Vault().keep, name="keeper", daemon=True).start()
worst = program.FINE
for turns in range(4):
    held.pass_through()
    worst |= by_another_way(turns) if turns else start_one()
    release.open()
sys.exit(worst)
