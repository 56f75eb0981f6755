"""git: threads that pack, search and check out, and child processes for everything else."""

from __future__ import annotations

from reliability.programs.loads import Load, Run

COMMITS = 40
FILES = 60


def drive(run: Run) -> None:
    origin, copy = run.folder / "origin", run.folder / "copy"
    # Fixed, so that both runs make the same commits.
    settings = {
        "HOME": str(run.folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in PERSON.items()},
    }

    def git(name, *words, cwd=origin, **options):
        threads = ["-c", "pack.threads=4", "-c", "grep.threads=4", "-c", "checkout.workers=4"]
        return run.passes(name, "git", *threads, *words, cwd=cwd, variables=settings, **options)

    run.passes("a repository is made", "git", "init", "-q", "-b", "main", origin, variables=settings)
    stream = "".join(commit(number) for number in range(COMMITS))
    (run.folder / "stream").write_text(stream)
    with (run.folder / "stream").open("rb") as given:
        git("commits are imported", "fast-import", "--quiet", stdin=given)
    git("it is checked out", "reset", "-q", "--hard", "main")
    git("it is packed by threads", "repack", "-adfq", "--depth=20", "--window=20")
    git("it is collected", "gc", "-q", "--prune=now")
    git("it is whole", "fsck", "--full", "--strict")
    git("it is cloned over a pipe", "clone", "-q", f"file://{origin}", copy)
    git("threads search it", "grep", "-c", f"line {COMMITS - 1}$", wanted="file-0:1")
    git("it is changed", "commit", "-q", "--allow-empty", "-m", "more", cwd=copy)
    git("it is fetched", "fetch", "-q", str(copy), "main:copy")
    status = git("it is looked at", "status", "--porcelain", cwd=copy)
    run.check("nothing is left to commit", status == "", status)
    head = git("it has its head", "rev-parse", "main")
    run.check("both ways make the same commits", head.strip() == HEAD, head)


PERSON = {"NAME": "A", "EMAIL": "a@example.org", "DATE": "1700000000 +0000"}
# What the stream gives, natively.
HEAD = "380fb44082ad369c3bd28a783ee32ce1af9cf4c1"


def commit(number):
    files = []
    for file in range(0, FILES, 1 + number % 3):
        text = "".join(f"file {file} line {line}\n" for line in range(number + 1))
        files.append(f"M 100644 inline file-{file}\ndata {len(text)}\n{text}")
    who = f"A <a@example.org> {1700000000 + number} +0000"
    return f"commit refs/heads/main\ncommitter {who}\ndata 2\nc\n{''.join(files)}"


ROW = Load("git", ("git",), ("git", "--version"), drive)
