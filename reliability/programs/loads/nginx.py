"""nginx forks new workers at each reload, and has a thread pool for files, while clients send requests."""

from __future__ import annotations

import os
import signal
import time

from reliability.programs.loads import HOST, Load, Run
from reliability.programs.loads.web import Client

RELOADS = 15
PAGE = b"a page of nginx\n" * 400
CONFIGURATION = """
daemon off;
{user}
worker_processes 2;
pid {folder}/pid;
error_log {folder}/error.log notice;
thread_pool default threads=4;
events {{ worker_connections 128; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{port};
        location / {{ root {folder}; aio threads; sendfile off; }}
    }}
}}
"""


def drive(run: Run) -> None:
    (run.folder / "page").write_bytes(PAGE)
    configuration = run.folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(CONFIGURATION.format(folder=run.folder, host=HOST, port=run.port, user=user))
    run.passes("the configuration is good", "nginx", "-t", "-c", configuration, "-p", run.folder)
    with run.server("nginx", "-c", configuration, "-p", run.folder) as server:
        with Client(run.port, "page", PAGE) as client:
            for number in range(1, RELOADS + 1):
                server.send_signal(signal.SIGHUP)
                run.check("a reload brings new workers", new_workers(run.folder, 2 * (number + 1)), number)
        run.check("each answer is the page", client.good > RELOADS and not client.bad, (client.good, client.bad[:5]))
    said = (run.folder / "error.log").read_text()
    run.check("no worker dies", "exited on signal" not in said and "[alert]" not in said, said)


def new_workers(folder, wanted):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if (folder / "error.log").read_text().count("start worker process ") >= wanted:
            return True
        time.sleep(0.05)
    return False


ROW = Load("nginx", ("nginx",), ("nginx", "-v"), drive)
