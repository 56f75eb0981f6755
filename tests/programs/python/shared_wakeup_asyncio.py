# An event loop of asyncio runs in a thread, and a forked child calls its copy of the loop: the parent's wakes up.
#
# python: 3.8-3.15
# expect: shared_wakeup ERROR call=send fd_type=socket parent_tids=1 python=_write_to_self
# allow: unsafe_fork
import asyncio
import os
import threading

import program

ready = threading.Event()
woken = threading.Event()
loop = asyncio.new_event_loop()


def run():
    loop.call_soon(ready.set)
    loop.run_forever()


def wakes():
    woken.set()
    loop._read_from_self()


# The loop has nothing to do but to hear what is written to its own socket.
loop._remove_reader(loop._ssock.fileno())
loop._add_reader(loop._ssock.fileno(), wakes)
thread = threading.Thread(target=run, daemon=True, name="loop")
thread.start()
ready.wait()
program.wait_until_it_reads(os.getpid(), thread.native_id)
child = os.fork()
if child == 0:
    loop.call_soon_threadsafe(print)
    os._exit(0)
os.waitpid(child, 0)
woken.wait()
print("the parent's loop woke up", flush=True)
os._exit(program.REALISED)
