"""gdb, itself watched and threaded, debugging a watched program with threads that forks."""

from __future__ import annotations

from reliability.programs.loads import PROGRAMS, Load, Run

STOPS = 20


def drive(run: Run) -> None:
    program = run.folder / "program"
    built = run.command("cc", "-g", "-O0", "-pthread", PROGRAMS / "threads_and_fork.c", "-o", program, watched=False)
    run.must("it is compiled", built[0] == 0, built[1])
    gdb = ["gdb", "-q", "-batch", "-nx", "-ex", "set pagination off", "-ex", "set debuginfod enabled off"]

    def commands(*words):
        return [option for word in words for option in ("-ex", word)]

    stops = [word for _stop in range(STOPS) for word in ("info threads", "bt 3", "continue")]
    said = run.passes("it stops where it is asked to", *gdb, *commands("break reached", "run", *stops), program)
    run.check("each stop has its stack", said.count("#1  0x") + said.count(" in worker (") >= STOPS, said[-2000:])
    free = commands("break reached", "run", "delete", "continue")
    said = run.passes("it goes on to its end", *gdb, *free, program, wanted="total 500 returned 10 child 7")
    run.check("it ends as always", "exited normally" in said, said[-2000:])
    child = commands("set follow-fork-mode child", "set detach-on-fork on", "run")
    run.passes("it follows the child", *gdb, *child, program, wanted="exited with code 07")
    watch = commands("break main", "run", "watch total", "continue", "continue", "delete", "continue")
    run.passes("a watchpoint stops it", *gdb, *watch, program, wanted="New value = ")


ROW = Load("gdb", ("gdb", "cc"), ("gdb", "--version"), drive)
