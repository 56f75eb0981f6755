"""Other people's programs, native and watched, compared test by test. `scripts/try-programs` runs it.

* `programs/`: the programs, a row or a file each; `rows` has them all.
* `way`: native or watched: which variables a run gets, which records it leaves.
* `outcomes`: the results of tests, and which of them differ.
* `process`: commands with a deadline and a log, for `scripts/try-suites` too.
* `pythons`, `packages`: interpreters, and packages of PyPI with their tests, for `scripts/try-suites` too.
* `compare`: both runs of a program, and the further ones of each test that differs.
* `results`: what is kept of them, so that the table can be printed again.
* `explanations`: why a test may differ without forkwatch.
* `table`: the results for people.
* `run_cpython_tests.py`: what an interpreter runs of its own tests.
* `command_line`: the options, and the order of all this.
"""
