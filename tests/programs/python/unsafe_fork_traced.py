# A program that traces and profiles itself, counts what the collector does and lists its imports sees no more and no
# less than without the library; neither do names that are no strings and a `threading` that is not what it seems.
#
# bare: 0
# expect: unsafe_fork WARN function=fork locks=0 threads=1 python=fork_once
# suppress: unsafe_fork:*
# runs: {trace,profile,collector,imports,names,broken}
import gc
import os
import sys
import threading
import warnings

import program

warnings.simplefilter("ignore")
never = program.Gate()
events = []


def count(frame, event, argument):
    events.append((event, frame.f_code.co_name, os.path.basename(frame.f_code.co_filename)))
    return count


def fork_once():
    pid = os.fork()
    if pid == 0:
        os._exit(program.FINE)
    return pid


def watched(mode):
    if mode == "trace":
        sys.settrace(count)
    elif mode == "profile":
        sys.setprofile(count)
    pid = fork_once()
    sys.settrace(None)
    sys.setprofile(None)
    return pid


class Moody(threading.Thread):
    """A thread none of whose properties may be asked for at a fork."""

    quiet = False

    def __getattribute__(self, name):
        if Moody.quiet:
            events.append(("asked", name, ""))
            raise RuntimeError(name)
        return super().__getattribute__(name)


mode = program.mode()
thread = (Moody if mode == "broken" else threading.Thread)(target=never.pass_through, name="idler", daemon=True)
thread.start()
program.wait_until_idle(1)
if mode == "names":
    thread._name = 5
    threading._active = None
Moody.quiet = True
gc.collect()
gc.disable()
before = (sorted(sys.modules), gc.get_count()[1:])
pid = watched(mode)
after = (sorted(sys.modules), gc.get_count()[1:])
Moody.quiet = False
gc.enable()
names = {name for _, name, _ in events}
if not names <= {"fork_once", "fork", "_exit", "watched", "setprofile", "settrace"} or before != after:
    program.say("events: %r" % events)
    sys.exit(program.BROKEN)
program.say("%d events" % len(events))
status = program.verdict(pid)
os._exit(status)
