"""Runs one module of CPython's own tests under the interpreter that it is started with, from 3.6 on.

usage: run_cpython_tests.py RESULTS MODULE ONLY LEFT_OUT

RESULTS gets a line, `NAME<tab>begun` or how it ended, at once, so that a run that dies has said which test it was in.
ONLY and LEFT_OUT are files with names of tests, one a line; an empty ONLY means all.
"""

import os
import sys
import unittest

# Tests must not import from this file's directory.
sys.path.pop(0)


class Result(unittest.TestResult):
    """Appends each result to a file, which is closed in between: tests close and inherit descriptors."""

    def __init__(self, file):
        super().__init__()
        self.file = file
        self.pid = os.getpid()
        self.failed = set()

    def note(self, test, end):
        # A child that a test forked and that returns here reports nothing.
        if os.getpid() == self.pid:
            with open(self.file, "a", encoding="utf-8", errors="replace") as file:
                file.write("{}\t{}\n".format(test.id().replace("\n", " "), end))

    def startTest(self, test):  # noqa: N802
        super().startTest(test)
        self.note(test, "begun")

    def addSuccess(self, test):  # noqa: N802
        super().addSuccess(test)
        self.note(test, "passed")

    def say(self, test, error, end):
        sys.stderr.write(f"{end} {test.id()}\n{self._exc_info_to_string(error, test)}\n")
        self.note(test, end)

    def addError(self, test, err):  # noqa: N802
        super().addError(test, err)
        self.say(test, err, "failed")

    def addFailure(self, test, err):  # noqa: N802
        super().addFailure(test, err)
        self.say(test, err, "failed")

    def addSkip(self, test, reason):  # noqa: N802
        super().addSkip(test, reason)
        self.note(test, "skipped")

    def addExpectedFailure(self, test, err):  # noqa: N802
        super().addExpectedFailure(test, err)
        self.note(test, "passed")

    def addUnexpectedSuccess(self, test):  # noqa: N802
        super().addUnexpectedSuccess(test)
        self.note(test, "failed")

    def addSubTest(self, test, subtest, err):  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.say(test, err, "failed")


def chosen(tests, only, left_out):
    """The suite with its classes and modules kept together, as their fixtures need."""
    suite = unittest.TestSuite()
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            suite.addTest(chosen(test, only, left_out))
        elif test.id() not in left_out and (not only or test.id() in only):
            suite.addTest(test)
    return suite


def names(file):
    with open(file, encoding="utf-8") as lines:
        return {line.rstrip("\n") for line in lines}


def main():
    results, module, only, left_out = sys.argv[1:]
    only, left_out = names(only), names(left_out)
    del sys.argv[1:]
    import test.support

    # As `python -m test` without `-u`: nothing that needs a network, a display or an hour.
    test.support.use_resources = []
    tests = unittest.defaultTestLoader.loadTestsFromName("test." + module)
    chosen([tests], only, left_out).run(Result(results))


if __name__ == "__main__":
    main()
