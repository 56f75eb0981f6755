"""Language runtimes: with threads, and children of all kinds."""

from __future__ import annotations

from reliability.programs.loads import HOST, PROGRAMS, Load, Run
from reliability.programs.loads.web import Client

TIMES = 3
# Every number below is what the arguments of the threads, children and commands add up to.
NODE = "threads 72\nchildren 30\ncluster 18\ncommands 55\npool 1280\npacked 820\n" * 3
JAVA = "threads 60600\ncommands 24276\nparallel 8999997\nturns 2000\n"
GO = "threads 9600 46084800 46084800\nlocked 1225 commands 50\n"
PHP = "forks 300\ncommands 20080\n"


def same(run: Run, name: str, wanted: str, *words) -> None:
    for _time in range(TIMES):
        said = run.passes(f"{name} ends well", *words)
        run.check(f"{name} counts right", said == wanted, said[-2000:])


def node(run: Run) -> None:
    same(run, "node", NODE, "node", PROGRAMS / "workers.js")


def java(run: Run) -> None:
    run.passes("javac ends well", "javac", "-d", run.folder, PROGRAMS / "Workers.java")
    same(run, "java", JAVA, "java", "-cp", run.folder, "Workers")


def go(run: Run) -> None:
    # Built under the library too: the compiler is one more program with threads.
    folders = {"GOCACHE": str(run.folder / "cache"), "GOPATH": str(run.folder / "go")}
    settings = {**folders, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    program = run.folder / "program"
    run.passes("go builds it", "go", "build", "-o", program, ".", cwd=PROGRAMS / "cgo", variables=settings)
    run.must("the program is there", program.exists())
    same(run, "go", GO, program)


def php(run: Run) -> None:
    same(run, "php", PHP, "php", PROGRAMS / "workers.php")
    variables = {"PHP_CLI_SERVER_WORKERS": "3"}
    with run.server("php", "-S", f"{HOST}:{run.port}", "-t", PROGRAMS, variables=variables):
        with Client(run.port, "page.php", b"a page of php 8 5050") as client:
            client.stop.wait(4)
        run.check("each answer is right", client.good > 0 and not client.bad, (client.good, client.bad[:5]))


ROWS = (
    Load("nodejs", ("node",), ("node", "--version"), node),
    Load("java", ("java", "javac"), ("java", "--version"), java),
    Load("go-cgo", ("go", "cc"), ("go", "version"), go),
    Load("php", ("php",), ("php", "--version"), php),
)
