# Workers of multiprocessing and concurrent.futures, and processes of subprocess, get no error from the audit or from
# guards of libraries that they do not call; and nothing at all is said of what subprocess does before exec.
#
# options: FORKWATCH_AUDIT=on FORKWATCH_GUARD=libgomp*,libcuda*,libgrpc*
# python: 3.7-3.15
# expect: at-most WARN
# runs: {pool,executor,subprocess}
import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
import threading

import program


def double(number):
    return 2 * number


def main():
    up = threading.Event()

    def work():
        up.set()
        threading.Event().wait()

    threading.Thread(target=work, daemon=True, name="worker").start()
    up.wait()
    context = multiprocessing.get_context("fork")
    if program.mode() == "pool":
        with context.Pool(2) as pool:
            print(pool.map(double, range(5)), flush=True)
    elif program.mode() == "executor":
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
            print(list(executor.map(double, range(5))), flush=True)
    else:
        for closes in (True, False):
            subprocess.run([sys.executable, "-c", "print(1)"], close_fds=closes, check=True, cwd="/")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
