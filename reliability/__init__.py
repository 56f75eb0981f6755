"""Other people's programs, native and watched, compared test by test. `scripts/try-programs` runs it.

* `programs/`: the programs, one row or file each; `rows` lists them.
* `way`: native or watched: which variables a run gets, which records it leaves.
* `outcomes`: the results of tests, and which of them differ.
* `process`: commands with a deadline and a log, for `scripts/try-suites` too.
* `pythons`, `packages`: interpreters, and PyPI packages with their tests, for `scripts/try-suites` too.
* `compare`: both runs of a program, and the repeated runs of each test that differs.
* `results`: what is stored of them, so that the table can be printed again.
* `explanations`: why a test may differ without forkwatch.
* `table`: the results as text.
* `run_cpython_tests.py`: runs part of an interpreter's own tests.
* `command_line`: the options, and the order of all steps.
"""
