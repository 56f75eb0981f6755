"""The spawn check: would a `multiprocessing` process that is made by fork also survive the start method `spawn`?

Moving away from fork is the cure for most unsafe forks in Python, but `spawn` pickles the process object and imports
the main module anew. This check does both in thought, at each fork, and tells what would fail and where.

    python -m forkwatch.spawncheck script.py [ARGUMENTS]
    FORKWATCH_SPAWN_CHECK=1 python script.py

| question | module |
|---|---|
| is this fork a process of multiprocessing? | `start` |
| does the process object pickle? | `probe` |
| if not, which attribute of what? | `trace`, `path` |
| would the main module start it again when it is imported? | `main_module` |
| what is said, and how often? | `check` |
"""
