import os
import threading

lock = threading.Lock()


def keeper():
    with lock:
        threading.Event().wait()


threading.Thread(target=keeper, daemon=True).start()
while not lock.locked():
    pass
os.fork()  # the child gets the lock, but not the thread that would release it
