# Every way to call the methods of Python's locks gives what it gives without the library: results, errors, the order of
# a condition's waits, and a lock that another thread releases.
#
# bare: 0
# expect: unsafe_fork WARN function=fork
# suppress: unsafe_fork:*
import os
import queue
import sys
import threading

import program

lock, again = threading.Lock(), threading.RLock()


def error(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except (RuntimeError, TypeError, ValueError) as raised:
        return type(raised)
    return None


def ways_to_take(this):
    ways = [(), (True,), (1,), (True, 1.5), (True, -1)]
    assert all(this.acquire(*way) is True and this.release() is None for way in ways)
    named = [{"blocking": True}, {"timeout": 1}, {"timeout": -1}, {"blocking": True, "timeout": 2}]
    assert all(this.acquire(**way) is True and this.release() is None for way in named)
    assert this.acquire(False) is True and this.release() is None
    assert error(this.acquire, False, 1) is ValueError
    assert error(this.acquire, 1, 2, 3) is TypeError
    assert error(this.acquire, unheard_of=1) is TypeError
    assert error(this.release) is RuntimeError
    with this as entered:
        assert entered is True


def refusals():
    with lock:
        tries = [(False,), (0,), (True, 0.001)]
        assert not any(lock.acquire(*way) for way in tries)
        assert not lock.acquire(blocking=False) and not lock.acquire(timeout=0.001)


def recursion():
    with again, again:
        condition = threading.Condition(again)
        with condition:
            assert condition.wait(0.001) is False
        assert again.acquire(False) is True and again.release() is None
    assert error(again.release) is RuntimeError


def released_by_another():
    lock.acquire()
    other = threading.Thread(target=lock.release)
    other.start()
    # Waits for the other thread, although this one has the lock.
    lock.acquire()
    other.join()
    lock.release()


class Own(type(threading.RLock())):
    """A lock of a class of one's own."""


def equal_methods():
    """Which bound methods are equal, because they are of one function."""
    names = ["acquire", "acquire_lock", "__enter__", "release", "release_lock", "__exit__"]
    return [[getattr(lock, one, 1) == getattr(lock, other, 2) for one in names] for other in names]


def all_of_it():
    for this in (lock, again, Own()):
        ways_to_take(this)
    refusals()
    recursion()
    released_by_another()
    assert not lock.locked()


def passed_on(items, count):
    for item in range(count):
        items.put(item)


equal_at_first = equal_methods()
all_of_it()
workers = [threading.Thread(target=all_of_it), threading.Thread(target=all_of_it)]
for worker in workers:
    worker.start()
    worker.join()
all_of_it()
assert equal_methods() == equal_at_first
items = queue.Queue(2)
source = threading.Thread(target=passed_on, args=(items, 2000))
source.start()
assert [items.get() for _ in range(2000)] == list(range(2000))
source.join()
kept = program.Gate()
threading.Thread(target=kept.pass_through, daemon=True).start()
pid = os.fork()
if pid == 0:
    os._exit(program.FINE)
sys.exit(program.verdict(pid))
