"""The pytest plugin: `pytest --forkwatch[=threads|locks|child]` watches every test and fails those that fork unsafely.

Without the option (or `forkwatch = ...` in the ini file) nothing happens: no module but this one is imported, no hook
is added.

| question | module |
|---|---|
| is it wanted, and how strictly? | `settings` |
| how does pytest come to run with the library preloaded? | `restart` |
| where are its files? | `folders` |
| which record belongs to which test? | `watcher` |
| what is reported at the end? | `summary` |
| which threads are pytest's own tools? | `tool_threads` |
"""

from typing import Any, Iterator, List, Optional

import pytest

_CHOICES = ("threads", "locks", "child")


class _Choose:
    """Makes `argparse` take `--forkwatch` and `--forkwatch=locks` as options without a value.

    With an optional value, `pytest --forkwatch tests/` would take the folder for it.
    """

    def __new__(cls, **settings: Any) -> Any:
        import argparse

        class Choose(argparse.Action):
            def __call__(self, _parser: Any, namespace: Any, _values: Any, option: Optional[str] = None) -> None:
                setattr(namespace, self.dest, (option or "").partition("=")[2] or "true")

        return Choose(nargs=0, **settings)


def _may_be_wanted(config: Any) -> bool:
    """Whether anything asks for it; `settings` judges what."""
    return bool(config.known_args_namespace.forkwatch) or config.getini("forkwatch") not in ("", "false")


def pytest_addoption(parser: Any) -> None:
    """Adds the option and the lines of the ini file."""
    group = parser.getgroup("forkwatch", "unsafe forks")
    group.addoption(
        "--forkwatch",
        *(f"--forkwatch={choice}" for choice in _CHOICES),
        action=_Choose,
        dest="forkwatch",
        default=None,
        help="run under forkwatch: fail each test in which a process forks while another thread holds a lock; "
        "=threads, =locks, =child also stop it at that point (see FORKWATCH_STRICT)",
    )
    parser.addini("forkwatch", "true, threads, locks or child: as --forkwatch; false: off", default="false")
    parser.addini("forkwatch_suppress", "suppression files of forkwatch, relative to this file", type="linelist")


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: Any, args: List[str]) -> Iterator[None]:
    """The earliest point at which the option is known: no output is captured yet, no conftest has run."""
    if _may_be_wanted(early_config):
        from forkwatch.pytest_plugin import restart, settings

        choice = settings.read(early_config)
        if choice is not None:
            restart.ensure_watched(early_config, choice)
    yield


def pytest_configure(config: Any) -> None:
    """Adds the hooks that watch, in a pytest that runs with the library preloaded."""
    if _may_be_wanted(config):
        from forkwatch.pytest_plugin import watcher

        watcher.register(config)
