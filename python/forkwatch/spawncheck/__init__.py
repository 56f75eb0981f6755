"""The spawn check: would a `multiprocessing` process that is started by fork also survive the start method `spawn`?

Moving away from fork fixes most unsafe forks in Python, but `spawn` pickles the process object and imports the main
module again. This check tries the former and analyses the latter at each fork, and reports what would fail and where.

    python -m forkwatch.spawncheck script.py [ARGUMENTS]
    FORKWATCH_SPAWN_CHECK=1 python script.py

| question | module |
|---|---|
| is this fork a process of multiprocessing? | `start` |
| does the process object pickle? | `probe` |
| if not, which attribute of what? | `trace`, `path` |
| would the main module start it again when it is imported? | `main_module` |
| what is reported, and how often? | `check` |
"""
