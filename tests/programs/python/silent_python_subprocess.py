# Programs started by `subprocess` while a thread holds a lock: fork and exec through _posixsubprocess, in each way.
#
# expect: silent
# runs: {run,popen,shell,check_output,close_fds,pass_fds,session,preexec,cwd,user}
import os
import subprocess
import sys
import threading

import program

lock = threading.Lock()
held = program.Gate()
never = program.Gate()


def keeper():
    with lock:
        held.open()
        never.pass_through()


def start(how):
    command = ["echo", "through a pipe"]
    if how == "check_output":
        return subprocess.check_output(command)
    if how == "shell":
        return subprocess.run("echo through a pipe", shell=True, stdout=subprocess.PIPE, check=True).stdout
    if how == "popen":
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            return process.communicate()[0]
    more = {
        "run": {},
        "close_fds": {"close_fds": False},
        "pass_fds": {"pass_fds": [2]},
        "session": {"start_new_session": True},
        "preexec": {"preexec_fn": lambda: None},
        "cwd": {"cwd": "/"},
        "user": {"user": os.geteuid(), "group": os.getegid()} if sys.version_info >= (3, 9) else {},
    }[how]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, **more).stdout


threading.Thread(target=keeper, daemon=True).start()
held.pass_through()
program.say(start(program.mode()).decode().strip())
