"""A web server that does what no web server should; which, the path says."""

import re
import threading
import zlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from tests.testlib.processes import png

_DRIP = 0.05  #: seconds between two bytes


class Source(ThreadingHTTPServer):
    """Of this machine, while it is entered. ``/120`` is a picture of that width; ``/busy/120`` is so the second time."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: Counter[str] = Counter()  #: path → how often
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, name="source", daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up on us is right to."""


class _Handler(BaseHTTPRequestHandler):
    server: Source
    statuses: ClassVar = {"404": 404, "429": 429, "503": 503}

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        kind = self.path.split("/")[1]
        if kind == "busy" and self.server.asked[self.path] == 1:
            kind = "503"
        if kind in self.statuses:
            self._answer(b"not now", status=self.statuses[kind], headers={"Retry-After": "1"})
        elif kind == "loop":
            self._answer(b"", status=302, headers={"Location": self.path})
        elif kind in ("busy", *re.findall(r"^\d+$", kind)):
            self._answer(png(int(self.path.rpartition("/")[2])))
        else:
            getattr(self, f"_{kind}")()

    def _answer(
        self, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None, length: int = 0
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length or len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _hang(self) -> None:
        self.server.closing.wait()

    def _drip(self) -> None:
        self._answer(b"", length=10_000)
        while not self.server.closing.wait(_DRIP):
            self.wfile.write(b"\x89")

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.server.closing.is_set():
            self.wfile.write(bytes(65536))

    def _bomb(self) -> None:
        squeezed = zlib.compress(bytes(200_000_000), 9)
        self._answer(squeezed, headers={"Content-Encoding": "deflate"})

    def _short(self) -> None:
        self._answer(png(120)[:50], length=5000)

    def _text(self) -> None:
        self._answer(b"<html>no picture</html>")

    def log_message(self, format: str, *args: Any) -> None:
        pass
