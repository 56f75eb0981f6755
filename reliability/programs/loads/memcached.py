"""memcached answers from four threads."""

from __future__ import annotations

import os
import socket
import threading

from reliability.programs.loads import HOST, Load, Run

CLIENTS = 6
KEYS = 1500


def drive(run: Run) -> None:
    user = ["-u", "root"] if os.geteuid() == 0 else []
    with run.server("memcached", "-l", HOST, "-p", run.port, "-U", "0", "-t", "4", *user):
        wrong = []
        clients = [threading.Thread(target=ask, args=(run.port, name, wrong)) for name in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        run.check("each value is what was set", not wrong, wrong[:5])


def ask(port, name, wrong):
    """Sets its own values, with a new connection for every hundred, and gets them."""
    try:
        for first in range(0, KEYS, 100):
            with socket.create_connection((HOST, port), timeout=60) as connection, connection.makefile("rwb") as stream:
                for key in range(first, first + 100):
                    value = f"value {name} {key}".encode() * 20
                    stream.write(b"set %d.%d 0 0 %d\r\n%s\r\nget %d.%d\r\n" % (name, key, len(value), value, name, key))
                    stream.flush()
                    got = [stream.readline().rstrip() for _line in range(4)]
                    if got[0] != b"STORED" or got[2] != value or got[3] != b"END":
                        wrong.append(got)
    except OSError as error:
        wrong.append(repr(error))


ROW = Load("memcached", ("memcached",), ("memcached", "--version"), drive)
