"""A web client: sends requests from several threads and counts the responses."""

from __future__ import annotations

import threading
import urllib.request

from reliability.programs.loads import HOST


class Client:
    """Sends requests from its threads until stopped. Every response must be `wanted`."""

    def __init__(self, port: int, path: str, wanted: bytes, threads: int = 3):
        self.address = f"http://{HOST}:{port}/{path}"
        self.wanted, self.good, self.bad = wanted, 0, []
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _number in range(threads)]

    def _ask(self):
        while not self.stop.is_set():
            try:
                # No proxy: the server is on this machine.
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                with opener.open(self.address, timeout=30) as answer:
                    got = answer.read()
                wrong = None if self.wanted in got else got[:200]
            except OSError as error:
                wrong = repr(error)
            with self.lock:
                self.good += wrong is None
                self.bad += [] if wrong is None else [wrong]
            # Limited: the server is tested, not stressed.
            self.stop.wait(0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self.stop.set()
        for thread in self.threads:
            thread.join()
