import os
import queue
import threading

jobs = queue.Queue()
threading.Thread(target=lambda: jobs.put("done"), daemon=True).start()
jobs.get()
if os.fork() == 0:
    jobs.get()  # the thread that would put something exists only in the parent
