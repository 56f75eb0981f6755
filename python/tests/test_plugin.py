"""`pytest --forkwatch` on suites that fork for real."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, List

import pytest

SUITE = """
    import hazards, pytest, subprocess, sys

    def test_sound():
        hazards.fork()

    def test_lock():
        hazards.fork_while_a_lock_is_held()

    def test_thread():
        hazards.fork_while_a_thread_is_alive()

    def test_lock_again():
        hazards.fork_while_a_lock_is_held()
        hazards.fork_while_a_lock_is_held()

    @pytest.mark.xfail(reason="known")
    def test_known():
        hazards.fork_while_a_lock_is_held()

    @pytest.fixture
    def forking():
        hazards.fork_while_a_lock_is_held()

    def test_fixture(forking):
        print("the body ran")

    def test_other_process():
        subprocess.run([sys.executable, "-c", "import hazards; hazards.fork_while_a_lock_is_held()"], check=True)
"""
FAILING = ["test_lock", "test_lock_again", "test_fixture", "test_other_process"]
LOCK = 'Python lock "Keeper._lock in hazards"'


def _failed(result: Any) -> Any:
    return sorted(re.findall(r"^FAILED \S+::(\w+)", str(result.stdout), re.MULTILINE))


@pytest.fixture
def suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)


def test_the_tests_that_fork_under_a_lock_fail(run_pytest: Any, suite: None) -> None:
    result = run_pytest("--forkwatch", "-v")
    result.assert_outcomes(passed=2, failed=4, xfailed=1)
    assert _failed(result) == sorted(FAILING)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "forkwatch: every fork is watched",
            "*___ test_lock ___*",
            'forkwatch: ERROR unsafe_fork: fork() in thread "*" (pid *) while *holds the *',
            "*--- forkwatch: ERROR unsafe_fork ---*",
            "fork() called by thread *",
            f"Thread * holds the {LOCK}",
            f"Lock: {LOCK} at 0x*, held by*",
            "  the holder is now *",
            "What to do:",
            "* on *, fingerprint *",
            "*--- forkwatch: ERROR unsafe_fork, 2 times ---*",
            "*the body ran*",
            "*=== forkwatch: warnings ===*",
            "WARN unsafe_fork: fork() in thread * is alive",
            "  once, in test_suite.py::test_thread; fingerprint *",
        ]
    )
    result.stdout.no_fnmatch_line("*errors outside of a test's report*")


@pytest.mark.parametrize("words", [["-m", "pytest"], [str(Path(sys.executable).with_name("pytest"))]])
def test_each_way_to_start_pytest_is_restarted_once(python: Any, tmp_path: Path, words: List[str]) -> None:
    (tmp_path / "test_one.py").write_text("def test_nothing():\n    pass\n")
    done = python(*words, "-p", "no:cacheprovider", "--forkwatch")
    assert "1 passed" in done.stdout and done.returncode == 0, done.stdout + done.stderr


def test_forks_that_go_on_to_exec_are_only_counted(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hazards, os

        def test_exec():
            with hazards.Keeper():
                for _ in range(2):
                    if os.fork() == 0:
                        os.execv("/bin/true", ["true"])
                    os.wait()
        """
    )
    result = run_pytest("--forkwatch")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["2 forks whose children went on to exec while threads were alive"])
    result.stdout.no_fnmatch_line("WARN unsafe_fork*")


def test_a_warning_is_told_once_for_the_line_that_causes_it(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hazards

        def test_one():
            hazards.fork_while_a_thread_is_alive()

        def test_other():
            hazards.fork_while_a_thread_is_alive()
            with hazards.Keeper():
                hazards.os.waitpid(hazards.os.fork() or hazards.os._exit(0), 0)
        """
    )
    result = run_pytest("--forkwatch")
    result.assert_outcomes(passed=2)
    name = "test_a_warning_is_told_once_for_the_line_that_causes_it.py"
    result.stdout.fnmatch_lines(
        [
            "  at fork (hazards.py:*)",
            f"  2 times, in {name}::test_one, {name}::test_other; fingerprint ????????????????",
            f"  at test_other ({name}:9)",
            f"  once, in {name}::test_other; fingerprint *",
        ]
    )


@pytest.mark.parametrize("arguments", [["-n", "2"], ["--forked"], ["-n", "2", "--forked"]], ids=" ".join)
def test_processes_of_their_own_give_the_same(run_pytest: Any, suite: None, arguments: Any) -> None:
    for name in ("xdist", "pytest_forked"):
        pytest.importorskip(name)
    if run_pytest(*arguments, "-k", "test_sound").ret != 0:
        pytest.skip(f"{' '.join(arguments)} does not work in this environment, without forkwatch either")
    result = run_pytest("--forkwatch", *arguments)
    result.assert_outcomes(passed=2, failed=4, xfailed=1)
    assert _failed(result) == sorted(FAILING)
    result.stdout.fnmatch_lines(
        [f"Lock: {LOCK} at 0x*", "WARN unsafe_fork: *", "  once, in test_suite.py::test_thread;*"]
    )


def test_without_the_option_nothing_happens(run_pytest: Any, suite: None) -> None:
    result = run_pytest()
    result.assert_outcomes(passed=6, xpassed=1)
    result.stdout.no_fnmatch_line("forkwatch:*")


def test_a_sound_suite_gives_the_same_results(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hazards, os, pytest, subprocess, sys, threading, unittest

        def test_fork():
            hazards.fork()

        def test_subprocess_while_a_thread_is_alive():
            with hazards.Keeper(threading.Lock()):
                assert subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE).stdout == b"1\\n"

        def test_output(capfd):
            os.system("echo hello")
            assert capfd.readouterr().out == "hello\\n"

        def test_wrong():
            assert 1 == 2

        def test_skipped():
            pytest.skip("not here")

        class TestUnit(unittest.TestCase):
            def test_environment(self):
                self.assertIn("PYTEST_CURRENT_TEST", os.environ)
        """
    )
    results = [run_pytest("-rA", *option) for option in ((), ("--forkwatch",))]
    for result in results:
        result.assert_outcomes(passed=4, failed=1, skipped=1)
        assert result.ret == 1
        result.stdout.no_fnmatch_line("*forkwatch: warnings*")
    outcomes = [re.findall(r"^(?:PASSED|FAILED|SKIPPED).*", str(result.stdout), re.MULTILINE) for result in results]
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("strict, stopped", [("threads", True), ("locks", False)])
def test_strict_stops_the_fork_in_the_test(
    run_pytest: Any, pytester: pytest.Pytester, strict: str, stopped: bool
) -> None:
    pytester.makepyfile(
        """
        import hazards

        def test_lock():
            hazards.fork_while_a_lock_is_held()

        def test_thread():
            hazards.fork_while_a_thread_is_alive()
        """
    )
    result = run_pytest(f"--forkwatch={strict}")
    result.assert_outcomes(passed=0 if stopped else 1, failed=2 if stopped else 1)
    result.stdout.fnmatch_lines(
        [
            f"forkwatch: every fork is watched, strict: {strict}",
            "*OSError: *Errno 35* Resource deadlock avoided",
            "*--- forkwatch: ERROR unsafe_fork ---*",
            "fork() called by thread *",
        ]
    )


def test_the_threads_of_a_worker_do_not_count(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile("import hazards\n\ndef test_sound():\n    hazards.fork()\n")
    result = run_pytest("--forkwatch=threads", "-n", "1")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*forkwatch: warnings*")


def test_the_ini_file_switches_it_on(run_pytest: Any, pytester: pytest.Pytester, suite: None) -> None:
    pytester.makeini("[pytest]\nforkwatch = locks\nforkwatch_suppress = rules/ours.supp\n")
    result = run_pytest()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: forkwatch_suppress: there is no file */rules/ours.supp"])
    pytester.mkdir("rules").joinpath("ours.supp").write_text("unsafe_fork:*\n")
    result = run_pytest()
    result.assert_outcomes(passed=6, xpassed=1)
    result.stdout.fnmatch_lines(["forkwatch: every fork is watched, strict: locks"])
    pytester.makeini("[pytest]\nforkwatch = True\n")
    run_pytest("-k", "sound").stdout.fnmatch_lines(["forkwatch: every fork is watched"])
    pytester.makeini("[pytest]\nforkwatch = lock\n")
    result = run_pytest()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: forkwatch = lock: invalid value; the nearest valid value is locks"])


def test_a_folder_after_the_option_is_not_its_value(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytester.mkdir("inner").joinpath("test_inner.py").write_text("def test_inner():\n    pass\n")
    pytester.makepyfile(test_outer="def test_outer():\n    assert False\n")
    run_pytest("--forkwatch", "inner").assert_outcomes(passed=1)
    assert run_pytest("--forkwatch=lock", "inner").ret == 4


def test_a_finding_outside_of_a_test_fails_the_run(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hazards

        hazards.fork_while_a_lock_is_held()

        def test_nothing():
            pass
        """
    )
    result = run_pytest("--forkwatch")
    result.assert_outcomes(passed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*forkwatch: errors outside any test's report*", "ERROR unsafe_fork: *", "once, outside any test"]
    )


def test_a_test_that_fails_by_itself_shows_the_finding_too(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import hazards

        def test_both():
            hazards.fork_while_a_lock_is_held()
            assert 6 * 7 == 41
        """
    )
    result = run_pytest("--forkwatch")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert (6 * 7) == 41", "*--- forkwatch: ERROR unsafe_fork ---*", "Lock: *"])


def test_an_own_log_is_kept(
    run_pytest: Any, pytester: pytest.Pytester, suite: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = pytester.path / "findings.jsonl"
    log.write_text("from an earlier run\n")
    monkeypatch.setenv("FORKWATCH_LOG", "findings.jsonl")
    run_pytest("--forkwatch", "-k", "test_lock").assert_outcomes(failed=2)
    first, *lines = log.read_text().splitlines()
    assert first == "from an earlier run"
    contexts = [json.loads(line)["context"] for line in lines if '"unsafe_fork","fingerprint"' in line]
    assert contexts == ["test_suite.py::test_lock"] + 2 * ["test_suite.py::test_lock_again"]


@pytest.mark.parametrize("log", ["journald", "unix:/run/x", "%p.jsonl"])
def test_a_log_that_pytest_cannot_read_is_named(
    run_pytest: Any, suite: None, monkeypatch: pytest.MonkeyPatch, log: str
) -> None:
    monkeypatch.setenv("FORKWATCH_LOG", log)
    result = run_pytest("--forkwatch", "-k", "test_lock")
    result.assert_outcomes(failed=2)
    result.stderr.fnmatch_lines([f"forkwatch: FORKWATCH_LOG={log} is not used: pytest needs *"])


def test_a_sanitizer_in_the_way_is_named(
    run_pytest: Any, suite: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Any library of that name: only the name counts.
    import forkwatch

    stand_in = tmp_path / "libasan.so.8"
    stand_in.write_bytes(Path(forkwatch.library_path()).read_bytes())
    monkeypatch.setenv("LD_PRELOAD", str(stand_in))
    result = run_pytest("--forkwatch")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --forkwatch cannot run with AddressSanitizer in LD_PRELOAD (*"])


def test_what_was_preloaded_stays(run_pytest: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    other = next(path for path in ("/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6") if os.path.exists(path))
    monkeypatch.setenv("LD_PRELOAD", other)
    pytester.makepyfile(
        f"""
        import os

        def test_preload():
            ours, other = os.environ["LD_PRELOAD"].split(":")
            assert ours.endswith("libforkwatch.so") and other == {other!r}
        """
    )
    run_pytest("--forkwatch").assert_outcomes(passed=1)


def test_inside_a_test_it_refuses_to_start_anew(run_pytest: Any, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("pytest_plugins = ['pytester']")
    pytester.makepyfile(
        """
        def test_inner(pytester):
            result = pytester.runpytest_inprocess("--forkwatch")
            assert result.ret == 4
            result.stderr.fnmatch_lines(["*a pytest inside a test cannot do*"])
        """
    )
    run_pytest("-p", "pytester").assert_outcomes(passed=1)


def test_nothing_is_left_behind(
    run_pytest: Any, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    left = tmp_path / "forkwatch-pytest-999999999-old"
    left.mkdir()
    pytester.makepyfile("def test_nothing():\n    pass\n")
    run_pytest("--forkwatch").assert_outcomes(passed=1)
    assert [name for name in os.listdir(tmp_path) if name.startswith("forkwatch-pytest-")] == []
