"""The spawn check on scripts that start processes by fork."""

import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, List

import pytest

START = "forkwatch: spawn check: "

# A class as in many programs: it keeps the processes that it has started, and a method is their target.
APPLICATION = """
    import multiprocessing

    class Application:
        def __init__(self):
            self._processes = []

        def work(self):
            pass

        def start(self):
            process = multiprocessing.Process(target=self.work)
            process.start()
            self._processes.append(process)

    def job(*arguments, **options):
        pass

    def start(**options):
        process = multiprocessing.get_context("fork").Process(**options)
        process.start()
        process.join()
        assert process.exitcode == 0
"""


@pytest.fixture
def reported(python: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., List[str]]:
    """Runs a script's main part under the check, and returns the report."""

    def run(body: str, guarded: bool = True, before: str = "") -> List[str]:
        lines = textwrap.dedent(body).strip("\n")
        if guarded:
            lines = 'if __name__ == "__main__":\n' + textwrap.indent(lines, "    ")
        set_method = "import multiprocessing\nmultiprocessing.set_start_method('fork', force=True)\n"
        (tmp_path / "app.py").write_text(
            set_method + textwrap.dedent(APPLICATION) + "\n" + textwrap.dedent(before) + "\n" + lines + "\n"
        )
        monkeypatch.setenv("PYTHONWARNINGS", "ignore")
        done = python("-m", "forkwatch.spawncheck", "app.py")
        assert done.returncode == 0, done.stderr
        said = done.stderr.splitlines()
        assert all(line.startswith(START) for line in said), done.stderr
        return [line[len(START) :] for line in said]

    return run


def test_a_process_that_would_survive(reported: Any) -> None:
    assert reported("start(target=job, args=(1, {'a': [2]}))") == [
        'ForkProcess-1, started at app.py:23 in start, would survive "spawn"'
    ]


def test_the_processes_that_an_object_keeps(reported: Any) -> None:
    first, second, reason = reported("application = Application()\napplication.start()\napplication.start()")
    assert first == 'Process-1, started at app.py:15 in start, would survive "spawn"'
    assert second == 'Process-2, started at app.py:15 in start, would not survive "spawn"'
    assert reason.startswith(
        "  Application._processes[0]._popen.finalizer._weakref does not pickle: TypeError: cannot pickle 'weakref"
    )


@pytest.mark.parametrize(
    "options, path",
    [
        ("target=lambda: None", "target"),
        ("target=job, args=(1, [2, threading.Lock()])", "args[1][1]"),
        ("target=job, kwargs={'log': open('app.py')}", "kwargs['log']"),
        ("target=functools.partial(job, 1, key=threading.Lock())", "target.keywords['key']"),
        ("target=job, args=(Slotted(),)", "args[0].field[7]"),
        ("target=job, args=(Cyclic(),)", "args[0].last"),
        ("target=job, args=(collections.OrderedDict(a=threading.Lock()),)", "args[0]['a']"),
        ("target=job, args=(collections.deque([1, threading.Lock()]),)", "args[0][1]"),
        ("target=job, args=(Chosen(),)", "args[0].lock"),
        ("target=job, args=(ValueError('no', threading.Lock()),)", "args[0].args[1]"),
        ("target=job, args=((number for number in numbers),)", "args[0]"),
    ],
)
def test_the_path_to_what_does_not_pickle(reported: Any, tmp_path: Path, options: str, path: str) -> None:
    before = """
        import collections
        import functools
        import threading

        class Slotted:
            __slots__ = ("field",)

            def __init__(self):
                self.field = {7: threading.Lock()}

        class Cyclic:
            def __init__(self):
                self.me, self.other = self, [self]
                self.last = threading.Lock()

        class Chosen:
            def __init__(self):
                self.lock, self.connection = threading.Lock(), threading.Lock()

            def __getstate__(self):
                return {"lock": self.lock}
    """
    # What the check foretells is then tried.
    really = f"""
        numbers = iter([1])
        start({options})
        assert next(numbers) == 1
        try:
            multiprocessing.get_context("spawn").Process({options}).start()
        except Exception as error:
            print(type(error).__name__, file=open("error.txt", "w"))
    """
    verdict, reason = reported(really, before=before)
    assert verdict.endswith(' would not survive "spawn"')
    assert reason.startswith(f"  {path} does not pickle: {(tmp_path / 'error.txt').read_text().strip()}: ")


def test_what_is_made_to_be_sent_is_sound(reported: Any) -> None:
    before = "import multiprocessing.shared_memory, socket"
    (verdict,) = reported(
        """
        reader, writer = multiprocessing.Pipe()
        shared = [
            multiprocessing.Lock(), multiprocessing.Condition(), multiprocessing.Event(), multiprocessing.Barrier(2),
            multiprocessing.Queue(), multiprocessing.SimpleQueue(), multiprocessing.JoinableQueue(), reader, writer,
            multiprocessing.Value("i"), multiprocessing.Array("d", 3), multiprocessing.RawArray("d", 3),
            socket.socket(),
        ]
        start(target=job, args=shared)
        spawn = multiprocessing.get_context("spawn")
        # Kept here: a semaphore is gone with its last owner, and the child would not find it.
        sent = [spawn.Lock(), spawn.Queue(), spawn.Value("i"), reader, *shared[11:]]
        process = spawn.Process(target=job, args=sent)
        process.start()
        process.join()
        assert process.exitcode == 0
        writer.send("still open")
        assert reader.recv() == "still open"
        """,
        before=before,
    )
    assert verdict.endswith(' would survive "spawn"')


def test_pools_and_executors(reported: Any) -> None:
    said = reported(
        """
        with multiprocessing.Pool(2, initializer=job, initargs=(1, threading.Lock())) as pool:
            pool.map(job, [1])
        with multiprocessing.Pool(2, initializer=Kept().work) as pool:
            pool.map(job, [1])
        with concurrent.futures.ProcessPoolExecutor(2, initializer=job, initargs=(threading.Lock(),)) as executor:
            list(executor.map(job, [1]))
        """,
        before="""
        import concurrent.futures
        import threading

        class Kept(Application):
            def __init__(self):
                self.connection = threading.Lock()
        """,
    )
    reasons = [line.split(" does not pickle")[0] for line in said if line.startswith("  ")]
    assert reasons == ["  initargs[1]", "  Kept.connection", "  initargs[0]"]


def test_a_start_without_guard(reported: Any) -> None:
    said = reported("start(target=job)", guarded=False)
    assert said[1].startswith('  app.py:28 is not under `if __name__ == "__main__":`; spawn imports app.py again')


def test_a_start_without_guard_in_another_thread(reported: Any) -> None:
    said = reported(
        """
        import threading
        go = threading.Event()
        thread = threading.Thread(target=lambda: (go.wait(), start(target=job)))
        thread.start()
        go.set(); thread.join()
        """,
        guarded=False,
    )
    assert said[1].startswith('  app.py:32 is not under `if __name__ == "__main__":`')


def test_what_only_the_main_process_defines(reported: Any) -> None:
    said = reported("def hidden():\n    pass\n\nstart(target=hidden)")
    assert said[1:] == ['  hidden is only defined under `if __name__ == "__main__":`, so the child could not find it']


def test_a_main_module_without_a_file(python: Any) -> None:
    code = (
        "import multiprocessing as m\ndef f(): pass\np = m.get_context('fork').Process(target=f); p.start(); p.join()"
    )
    said = python("-m", "forkwatch.spawncheck", "-c", code).stderr
    assert "f is defined in a main module that has no file, so the child could not find it" in said


def test_a_reducer_that_never_ends_is_given_up(reported: Any) -> None:
    before = """
        import time

        class Slow:
            def __reduce__(self):
                time.sleep(0.3)
                return Slow, ()
    """
    _verdict, reason = reported("start(target=job, args=([Slow() for _ in range(100)],))", before=before)
    assert reason == "  not known: pickling it takes more than 2 s"


def test_a_reducer_that_fails_harms_nothing(reported: Any) -> None:
    before = """
        class Rude:
            def __reduce__(self):
                raise SystemExit(3)

        class Recursive:
            def __reduce__(self):
                return job, (Recursive(),)
    """
    reported("start(target=job, args=(Rude(),))", before=before)
    assert "RecursionError" in reported("start(target=job, args=(Recursive(),))", before=before)[1]


def test_without_the_variable_nothing_is_reported(python: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import multiprocessing as m; p = m.get_context('fork').Process(target=print); p.start(); p.join()"
    assert "spawn check" not in python("-c", code).stderr
    monkeypatch.setenv("FORKWATCH_SPAWN_CHECK", "0")
    assert "spawn check" not in python("-c", code).stderr
    monkeypatch.setenv("FORKWATCH_SPAWN_CHECK", "1")
    assert "spawn check" in python("-c", code).stderr


def test_it_works_with_the_library_which_does_not_take_its_variable_for_a_mistake(
    python: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORKWATCH_SPAWN_CHECK", "1")
    (tmp_path / "app.py").write_text(
        "import multiprocessing as m\nif __name__ == '__main__':\n"
        "    p = m.get_context('fork').Process(target=print); p.start(); p.join()\n"
    )
    done = python("-m", "forkwatch", "run", "app.py")
    assert done.stderr == START + 'ForkProcess-1, started at app.py:3, would survive "spawn"\n'


def test_pytest_does_not_notice_it(python: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORKWATCH_SPAWN_CHECK", "1")
    (tmp_path / "test_a.py").write_text("def test_a():\n    pass\n")
    done = python("-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "warning" not in done.stdout


def test_the_line_in_site_packages_imports_nothing_without_the_variable(python: Any) -> None:
    asked = "import sys; print([name for name in sys.modules if name.startswith(('forkwatch', 'multiprocessing'))])"
    assert python("-c", asked).stdout == "[]\n"
    assert sys.executable in python("-m", "forkwatch.spawncheck", "-c", "import sys; print(sys.executable)").stdout
