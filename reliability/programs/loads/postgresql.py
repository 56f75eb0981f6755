"""PostgreSQL forks for each connection, and pgbench reconnects for each transaction, from several threads."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from reliability.programs.loads import HOST, Load, Run

FOLDER = Path("/usr/lib/postgresql/15/bin")
CLIENTS = 4
TRANSACTIONS = 75
USER = "postgres"


def drive(run: Run) -> None:
    # The server does not run as root. Its user needs no password, and only on the loopback.
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []
    data = run.folder / "data"
    if become:
        run.folder.chmod(0o777)
    made = run.passes(
        "a cluster is made", *become, FOLDER / "initdb", "-D", data, "-U", USER, "--auth=trust", "--no-sync"
    )
    run.must("the cluster is whole", (data / "PG_VERSION").exists(), made)
    options = [f"-c{word}" for word in ("fsync=off", f"unix_socket_directories={run.folder}", "max_parallel_workers=4")]
    server = [*become, FOLDER / "postgres", "-D", data, "-h", HOST, "-p", run.port, *options]
    at = ["-h", HOST, "-p", run.port, "-U", USER]
    with run.server(*server, stop=interrupt):
        run.passes("tables are filled", "pgbench", *at, "-i", "-s", "2", "-q", "postgres")
        for churn in (["-C"], []):
            load = ["-c", CLIENTS, "-j", "4", "-t", TRANSACTIONS, "-n", *churn]
            said = run.passes(f"pgbench {' '.join(churn)} ends well", "pgbench", *at, *load, "postgres")
            counts = re.search(r"processed: (\d+)/(\d+)", said)
            run.check("each transaction is processed", bool(counts) and counts[1] == counts[2], said)
        sums = "(SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)"
        asked = f"SELECT {sums}, count(*) FROM pgbench_history"
        wanted = f"t|{CLIENTS * TRANSACTIONS * 2}"
        run.passes("the sums agree", "psql", *at, "-At", "-c", asked, "postgres", wanted=wanted)
        parallel = "SET min_parallel_table_scan_size=0; SET parallel_setup_cost=0; SET parallel_tuple_cost=0;"
        query = f"{parallel} SELECT count(*), sum(aid) FROM pgbench_accounts"
        run.passes("parallel workers agree", "psql", *at, "-At", "-c", query, "postgres", wanted="200000|20000100000")
    said = run.log.read_text(errors="replace")
    run.check(
        "the server's log has no crash", not re.search(r"PANIC|terminated by signal|FATAL:  (?!the database)", said)
    )


def interrupt(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGINT)


ROW = Load(
    "postgresql", ("pgbench", str(FOLDER / "postgres"), "setpriv"), (str(FOLDER / "postgres"), "--version"), drive
)
