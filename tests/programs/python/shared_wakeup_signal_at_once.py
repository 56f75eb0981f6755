# The same where the parent itself sends the signal, as Process.terminate does: the child's handler runs while the
# parent is still on its way back to its loop.
#
# python: 3.8-3.11
# expect: shared_wakeup ERROR call=write fd_type=socket parent_tids=1
import asyncio
import os
import signal
import time

import program


async def main():
    came = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, came.set)
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    await asyncio.sleep(0.1)
    os.kill(child, signal.SIGTERM)
    busy = time.monotonic() + 0.02
    while time.monotonic() < busy:
        pass
    await came.wait()
    os.waitpid(child, 0)


asyncio.run(main())
print("the parent acts on its child's signal", flush=True)
os._exit(program.REALISED)
