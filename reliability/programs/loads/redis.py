"""Redis repeatedly forks a child that saves its data, while its threads free memory and sync files."""

from __future__ import annotations

import time

from reliability.programs.loads import HOST, Load, Run

SAVES = 12
KEYS = 5000


def drive(run: Run) -> None:
    options = ["--save", "", "--appendonly", "yes"]
    server = ["redis-server", "--port", run.port, "--bind", HOST, "--dir", run.folder, *options]

    def ask(*words):
        return run.command("redis-cli", "-h", HOST, "-p", run.port, *words, watched=False, seconds=30)[1]

    fill = f"for i=1,{KEYS} do redis.call('set', 'key:'..i, 'value:'..i) end return 'filled'"
    right = "redis.call('get', 'key:'..i) == 'value:'..i"
    count = f"local n=0 for i=1,{KEYS} do if {right} then n=n+1 end end return n"
    with run.server(*server):
        run.check("it is filled", "filled" in ask("eval", fill, "0"))
        at = ["-h", HOST, "-p", run.port]
        clients = ["redis-benchmark", *at, "-n", "10000", "-c", "20", "-t", "set,get", "-q"]
        with run.beside("the clients end well", *clients, watched=False):
            for number in range(SAVES):
                said = ask("bgsave") if number % 3 else ask("bgrewriteaof")
                run.check("a save starts", "started" in said or "scheduled" in said, said)
                run.check("a save ends well", saved(ask), ask("info", "persistence"))
        ask("flushall", "async")
        run.check("it is filled", "filled" in ask("eval", fill, "0"))
        ask("bgsave")
        run.check("a save ends well", saved(ask))
    with run.server(*server):
        run.check("it loads what was saved", saved(ask))
        run.check("a new one finds every value", ask("eval", count, "0").strip().endswith(str(KEYS)))


def saved(ask):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        state = dict(line.partition(":")[::2] for line in ask("info", "persistence").split())
        waits = ("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "aof_rewrite_scheduled", "loading")
        if all(state.get(name) == "0" for name in waits):
            return state.get("rdb_last_bgsave_status") == state.get("aof_last_bgrewrite_status") == "ok"
        time.sleep(0.05)
    return False


ROW = Load("redis", ("redis-server", "redis-cli", "redis-benchmark"), ("redis-server", "--version"), drive)
