# A thread holds a lock that the child makes anew before it needs it: `os.register_at_fork` has a function for it, or it
# belongs to a handler of `logging`. The finding names the lock as made anew, and is no error.
#
# python: 3.7-3.15
# runs: {method,replaced,freed,initialised,nested,closure,partial,weak,condition,logging}
# expect: unsafe_fork WARN function=fork locks=1 threads=1 python=send_clerk
# with: made_anew=true owner=keeper
# bare: 0
# suppress: unsafe_fork:*
import functools
import logging
import os
import threading
import weakref

import program

held = program.Gate()
never = program.Gate()


class Vault:
    def __init__(self):
        self.door = threading.Lock()
        self.opened = threading.Condition(self.door)

    def replace(self):
        self.door = threading.Lock()

    def free(self):
        if not self.door.acquire(False):
            self.door.release()

    def replace_all(self):
        self.replace()

    def forget(self):
        self.opened = threading.Condition()
        self.door = threading.Lock()

    def keep_open(self):
        with self.door:
            held.open()
            never.pass_through()

    def use(self):
        with self.door:
            pass


class Handler(logging.Handler):
    def emit(self, record):
        if record.msg == "keep":
            held.open()
            never.pass_through()


def reinitialise(vault):
    vault.door = threading.Lock()


def send_clerk(use):
    pid = os.fork()
    if pid == 0:
        use()
        os._exit(program.FINE)
    return pid


vault = Vault()
keep_open, use = vault.keep_open, vault.use
way = program.mode()
if way == "method":
    # Since 3.9.
    handler = getattr(vault.door, "_at_fork_reinit", vault.replace)
elif way == "replaced":
    handler = vault.replace
elif way == "freed":
    handler = vault.free
elif way == "initialised":
    handler = vault.__init__
elif way == "nested":
    handler = vault.replace_all
elif way == "closure":

    def around(door_of):
        def handler():
            door_of.door = threading.Lock()

        return handler

    handler = around(vault)
elif way == "partial":
    handler = functools.partial(reinitialise, vault)
elif way == "weak":
    weak = weakref.WeakMethod(vault.replace)

    def of(weak):
        return lambda: weak()()

    handler = of(weak)
elif way == "condition":
    handler = vault.forget
else:
    handler = None
    logger = logging.getLogger("bank")
    logger.propagate = False
    logger.addHandler(Handler())
    keep_open = functools.partial(logger.error, "keep")
    use = functools.partial(logger.error, "use")
if handler:
    os.register_at_fork(after_in_child=handler)
threading.Thread(target=keep_open, name="keeper", daemon=True).start()
held.pass_through()
program.wait_until_idle(1)
# Not `sys.exit`: `logging` would wait for the lock of its handler.
os._exit(program.verdict(send_clerk(use)))
