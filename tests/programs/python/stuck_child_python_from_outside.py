# Children of a Python program that wait for locks of a lost thread, until standard input ends. Each word on the command
# line forks one; its process id is printed when it waits. Seen from outside, by `forkwatch inspect`.
#
# python: 3.8-3.15
# expect: stuck_child FATAL
import os
import signal
import sys
import threading
import time

import program

door = threading.Lock()
inside = program.Gate()
never = program.Gate()


class Vault:
    def __init__(self):
        self.key = threading.RLock()
        self.hatch = threading.Lock()
        self.bell = threading.Condition(threading.Lock())

    def keep(self):
        with self.key, self.hatch, self.bell:
            with door:
                inside.open()
                never.pass_through()

    def ask(self, what):
        if what == "attribute":
            with self.hatch:
                pass
        if what == "condition":
            with self.bell:
                pass
        if what == "recursive":
            self.key.acquire()


def ask(vault, what):
    if what == "variable":
        with door:
            pass
    vault.ask(what)


vault = Vault()
threading.Thread(target=vault.keep, name="keeper", daemon=True).start()
inside.pass_through()
children = []
for word in sys.argv[1:]:
    pid = os.fork()
    if pid == 0:
        ask(vault, word)
        os._exit(program.FINE)
    children.append(pid)
    while not program.waits_for_ever(pid):
        time.sleep(0.001)
    program.say("%s %d" % (word, pid))
program.say("ready")
sys.stdin.read()
for pid in children:
    os.kill(pid, signal.SIGKILL)
# The thread is daemonic, and may not hold up the end.
os._exit(program.FINE)
