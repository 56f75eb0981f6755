# A signal for a forked child reaches its parent: CPython writes the signal's number to the event loop's socket, which
# is the parent's. Since 3.12 asyncio forgets that socket in a child.
#
# python: 3.8-3.11
# expect: shared_wakeup ERROR call=write fd_type=socket parent_tids=1
import asyncio
import os
import signal

import program


async def main():
    came = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, came.set)
    child = os.fork()
    if child == 0:
        program.wait_until_it_reads(os.getppid(), os.getppid())
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)
    await came.wait()
    os.waitpid(child, 0)


asyncio.run(main())
print("the parent acts on its child's signal", flush=True)
os._exit(program.REALISED)
