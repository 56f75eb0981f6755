# Pipes and sockets that Python makes for parent and child to talk, although a thread of the parent waits on them at the
# fork. Only what the forks themselves are is reported.
#
# python: 3.8-3.15
# allow: thread_after_fork
# expect: at-most WARN
# bare: 0
# runs: {queue,pipe,pool,executor,subprocess}
# Without an interpreter lock, another thread of the pool may well hold one of its locks just then, which is a finding.
# interpreter-lock: pool
import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
import threading

import program

context = multiprocessing.get_context("fork")


def square(number):
    return number * number


def put(queue, number):
    queue.put(number)
    queue.close()
    queue.join_thread()


def send(connection):
    connection.send("hello")


def queue():
    results, got = context.Queue(), []
    reader = threading.Thread(target=lambda: got.extend([results.get(), results.get()]), daemon=True)
    reader.start()
    program.wait_until_it_reads(os.getpid(), reader.native_id)
    children = [context.Process(target=put, args=(results, number)) for number in (1, 2)]
    for child in children:
        child.start()
    reader.join()
    return sorted(got)


def pipe():
    # Neither end is closed in the parent, as so often.
    here, there = context.Pipe()
    got = []
    reader = threading.Thread(target=lambda: got.append(here.recv()), daemon=True)
    reader.start()
    program.wait_until_it_reads(os.getpid(), reader.native_id)
    child = context.Process(target=send, args=(there,))
    child.start()
    reader.join()
    child.join()
    return got


def pool():
    with context.Pool(2, maxtasksperchild=1) as workers:
        return workers.map(square, range(8), chunksize=1)


def executor():
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as workers:
        first = workers.submit(square, 1).result()
        return [first, *workers.map(square, range(4))]


def subprocess_():
    with concurrent.futures.ThreadPoolExecutor(2) as threads:

        def run(number):
            return subprocess.run(["echo", str(number)], stdout=subprocess.PIPE, check=True).stdout

        return list(threads.map(run, range(4)))


print({"queue": queue, "pipe": pipe, "pool": pool, "executor": executor, "subprocess": subprocess_}[program.mode()]())
sys.exit(program.FINE)
