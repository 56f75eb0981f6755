"""Servers on the loopback, each on a free port and in its own directory, under load. Only the server is watched."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

from bench.columns import Column
from bench.process import Failed, TooSlow, end_group, run, start
from bench.workloads import EACH, LONGEST_RUN, Workload

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Served(Workload):
    """How long the load generator takes. In both commands `{port}` and `{folder}` stand for what was chosen."""

    programs: tuple[str, ...]
    server: tuple[str, ...]
    load: tuple[tuple[str, ...], ...]

    def run(self, column: Column) -> dict[str, float]:
        with tempfile.TemporaryDirectory(prefix="forkwatch-bench-") as folder:
            port = free_port()
            server = [*column.before, *(word.format(port=port, folder=folder) for word in self.server)]
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = start(server, column.variables, cwd=folder, **silent)
            try:
                wait_for_port(process, port)
                loads = [[word.format(port=port, folder=folder) for word in command] for command in self.load]
                return {EACH: sum(run(load, {}, LONGEST_RUN)[1] for load in loads)}
            finally:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=1)
                end_group(process)

    def least(self, late: TooSlow) -> dict[str, float]:
        return {EACH: late.seconds * 1e9}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def wait_for_port(process: subprocess.Popen, port: int) -> None:
    """A server does not announce that it listens, so it is polled."""
    until = time.monotonic() + LONGEST_RUN
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            socket.create_connection((HOST, port), timeout=1).close()
            return
        time.sleep(0.002)
    raise Failed("the server did not listen")
