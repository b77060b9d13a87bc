"""A web server of this machine that pages are fetched from; what it answers follows from the path alone."""

import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.testlib.processes import png
from tests.testlib.several_pages import tiff


class Origin(ThreadingHTTPServer):
    """``/120`` is a picture 120 pixels wide; ``/503`` a status; ``/once/120`` fails with 503 the first time;
    ``/gate/120`` answers once `gate` is set; ``/patience/20/503`` fails and asks for 20 seconds; ``/tiff/3`` is a TIFF of
    3 pages."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.gate = threading.Event()
        self.asked: Counter[str] = Counter()  #: path → how often
        threading.Thread(target=self.serve_forever, name="origin", daemon=True).start()

    def page(self, width: int = 100) -> str:
        """The URL of a picture of this width."""
        return f"{self.url}/{width}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


def _file(path: str, number: int) -> bytes:
    return tiff(range(101, 101 + number)) if path.startswith("/tiff/") else png(number)


class _Handler(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked[path] += 1
        if path.startswith("/gate/"):
            self.server.gate.wait(20)
        number = int(re.findall(r"\d+$", path)[0])
        if path.startswith("/once/") and self.server.asked[path] == 1:
            number = 503
        status, body = (number, b"sorry") if 400 <= number < 600 else (200, _file(path, number))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if path.startswith("/patience/"):
            self.send_header("Retry-After", path.split("/")[2])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
