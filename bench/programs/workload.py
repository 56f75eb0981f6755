"""What threads of a Python program do all day: locks, a queue, a condition, and some computation."""

import queue
import threading

TASKS = 6000
THREADS = 4


def main():
    tasks, lock, done = queue.Queue(), threading.Lock(), threading.Condition()
    totals = {"sum": 0, "left": THREADS}

    def work():
        while True:
            task = tasks.get()
            if task is None:
                break
            result = sum(number * number for number in range(task % 100))
            with lock:
                totals["sum"] += result
        with done:
            totals["left"] -= 1
            done.notify_all()

    for _ in range(THREADS):
        threading.Thread(target=work, daemon=True).start()
    for task in range(TASKS):
        tasks.put(task)
    for _ in range(THREADS):
        tasks.put(None)
    with done:
        done.wait_for(lambda: totals["left"] == 0)
    assert totals["sum"] == sum(sum(number * number for number in range(task % 100)) for task in range(TASKS))


main()
