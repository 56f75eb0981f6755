# An event loop of asyncio runs in the parent, and a forked child removes a reader from its copy of the loop: the set
# that the kernel keeps is the parent's, too, which no longer hears of its descriptor.
#
# python: 3.8-3.15
# expect: shared_fd WARN call=epoll_ctl fd_type=epoll python=reader
import asyncio
import os

import program


async def reader():
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    came = asyncio.Event()
    loop.add_reader(read, came.set)
    child = os.fork()
    if child == 0:
        loop.remove_reader(read)
        os._exit(0)
    os.waitpid(child, 0)
    os.write(write, b"x")
    # Whatever is ready is heard of in the next two rounds.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return came.is_set()


heard = asyncio.run(reader())
print("the parent", "hears" if heard else "is deaf", flush=True)
os._exit(program.FINE if heard else program.REALISED)
