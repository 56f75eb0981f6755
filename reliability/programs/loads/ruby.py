"""Ruby's Puma: a cluster of forked workers with threads, which is restarted in phases under load."""

from __future__ import annotations

import signal
import time

from reliability.programs.loads import HOST, PROGRAMS, Load, Run
from reliability.programs.loads.web import Client

RESTARTS = 3
PAGE = b"sum 10 child 3 command"


def drive(run: Run) -> None:
    options = ["-w", "2", "-t", "2:4", "-b", f"tcp://{HOST}:{run.port}", "-e", "production"]
    with run.server("puma", *options, PROGRAMS / "puma.ru") as server:
        run.check("the workers boot", booted(run, 2), "see above")
        with Client(run.port, "", PAGE, threads=2) as client:
            for number in range(1, RESTARTS + 1):
                server.send_signal(signal.SIGUSR1)
                run.check("a restart brings new workers", booted(run, 2 * (number + 1)), number)
        run.check("each answer is right", client.good > 0 and not client.bad, (client.good, client.bad[:5]))


def booted(run, wanted):
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if run.log.read_text(errors="replace").count(") booted") >= wanted:
            return True
        time.sleep(0.1)
    return False


ROW = Load("ruby-puma", ("ruby", "puma"), ("puma", "--version"), drive)
