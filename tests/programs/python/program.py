"""What every Python test program needs: gates that order threads without sleeping, and the verdict on a forked child.

Works on every CPython from 3.6 on.
"""

import fcntl
import os
import signal
import sys
import time

FINE = 0
REALISED = 3
BROKEN = 5
SKIPPED = 77

FUTEX = {"x86_64": 202, "aarch64": 98}.get(os.uname().machine)


class Gate:
    """A pipe as a gate: each `open` lets one `pass_through` go on, in whichever process."""

    def __init__(self):
        # The end to write to is opened a second time, which the library does not see: a thread that opens a gate tells
        # it nothing.
        self.reader, writer = os.pipe()
        opened = os.open("/proc/self/fd/%d" % writer, os.O_WRONLY)
        self.writer = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, 200)
        os.close(opened)
        os.close(writer)

    def open(self):
        os.write(self.writer, b"x")

    def pass_through(self):
        os.read(self.reader, 1)


def say(line):
    """A line on standard output in one write: no buffer that a fork could double."""
    os.write(1, (line + "\n").encode())


def mode():
    return sys.argv[1] if len(sys.argv) > 1 else ""


def system_call(task):
    """The words of a task's line in /proc: number, arguments, stack pointer, program counter."""
    try:
        with open("/proc/%s/syscall" % task, "rb", 0) as file:
            return file.read().split()
    except OSError:
        return []


def waits_for_ever(task):
    """Whether a task waits on a futex without a time-out."""
    words = system_call(task)
    return len(words) > 5 and int(words[0]) == FUTEX and words[4] == b"0x0"


def wait_until_it_reads(process, thread):
    """Returns when a thread stays, for three looks, in a system call that is no futex: it waits for a descriptor."""
    same, before = 0, None
    while same < 3:
        time.sleep(0.002)
        words = system_call("%d/task/%d" % (process, thread))
        blocked = len(words) > 5 and int(words[0]) != FUTEX
        same = same + 1 if blocked and words == before else 0
        before = words


def wait_until_idle(others):
    """Returns when `others` other threads are blocked, each in the same place at three looks in a row."""
    me = str(os.getpid())
    same, before = 0, None
    while same < 3:
        time.sleep(0.01)
        tasks = [task for task in os.listdir("/proc/self/task") if task != me]
        now = {task: system_call("self/task/" + task) for task in tasks}
        blocked = len(now) == others and all(len(words) > 1 for words in now.values())
        same = same + 1 if blocked and now == before else 0
        before = now


def verdict_on_loop(child):
    """The same for a child that waits in a loop of waits with a time-out: stuck is one that has blocked 60 times."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended == child:
            say("child: status %#x" % status)
            return FINE if status == 0 else BROKEN
        with open("/proc/%d/status" % child) as file:
            blocked = [line for line in file if line.startswith("voluntary")]
        if int(blocked[0].split()[1]) >= 60:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            say("child: stuck")
            return REALISED
        time.sleep(0.002)


def verdict(child):
    """Waits for the child, reports its end, and returns the exit code: fine, or stuck for ever (then it is killed)."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended == child:
            say("child: fine" if status == 0 else "child: ended with status %#x" % status)
            return FINE if status == 0 else BROKEN
        if waits_for_ever(child):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            say("child: stuck")
            return REALISED
        time.sleep(0.002)
