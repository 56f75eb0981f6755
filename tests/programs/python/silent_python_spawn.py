# `multiprocessing` with `spawn`, and with `forkserver`, whose server has one thread, in a program with a thread that
# holds a lock.
#
# expect: silent
# runs: {spawn,forkserver}
import multiprocessing
import threading

import program


def work(connection):
    connection.send("from the worker")


def keeper(lock, held, never):
    with lock:
        held.open()
        never.pass_through()


def main():
    lock, held, never = threading.Lock(), program.Gate(), program.Gate()
    threading.Thread(target=keeper, args=(lock, held, never), daemon=True).start()
    held.pass_through()
    context = multiprocessing.get_context(program.mode())
    receiver, sender = context.Pipe(False)
    worker = context.Process(target=work, args=(sender,))
    worker.start()
    program.say(receiver.recv())
    worker.join()
    program.say("worker: exit code %d" % worker.exitcode)


if __name__ == "__main__":
    main()
