"""A service made of a few lines, for the command line: it answers as the facade would, or as one in trouble."""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ocr_celery.cli.clock import Clock
from ocr_celery.core.markdown import to_markdown

BINARY_FORMATS = ("xlsx", "zip", "pdf", "docx")


class FakeClock(Clock):
    """Time that passes only where somebody waits, and then at once. `pauses`: the seconds of each wait, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 1000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self._now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        with self._lock:
            self._now += seconds
            self.pauses.append(seconds)
        return event.is_set()


class FakeService(ThreadingHTTPServer):
    """Reads a file as its own bytes, a URL as the URL. `refusals`: how many of the next requests get 503.

    `clock`: by which it reads, and waits until it has.
    """

    daemon_threads = True

    def __init__(self, clock: Clock) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.clock = clock
        self.refusals = 0
        self.before_a_file: list[str] = []  # what the next requests for a result get
        self.retry_after = "0"
        self.lacks: list[str] = []  # formats that it cannot make
        self.making = 0  # how many of the next requests for an export find it unfinished
        self.files_asked: list[dict[str, list[str]]] = []
        self.knows_text = True  # whether a task can be had without its text
        self.also: dict[str, dict[str, Any]] = {}  # text: further fields of its answer
        self.tasks: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.proxy_takes = 1_000_000  # bytes
        self.slow: dict[str, float] = {}  # text: seconds until it is read
        self.held: dict[str, threading.Event] = {}  # text: set when it may be read
        self.completed: dict[str, threading.Event] = defaultdict(threading.Event)  # text: whether it was answered with
        self.on_wait = "waits"  # or "ignores", "refuses", "is cut off"
        self.looks: list[dict[str, list[str]]] = []
        self.cancelled: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeService
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits 40 ms for the acknowledgement of its headers

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers.append(dict(self.headers))
        if self.path.endswith("/cancel"):
            self.server.cancelled.append(self.path)
            self._answer(200, {"status": "failed"})
            return
        if len(body) > self.server.proxy_takes:
            self.send_error(413)
            self.close_connection = True
            return
        with self.server.lock:
            if self.server.refusals:
                self.server.refusals -= 1
                self._answer(503, {"detail": "full", "code": "queue_full"}, {"Retry-After": self.server.retry_after})
                return
            fields = json.loads(body) if self.path == "/ocr/url" else _fields(body)
            self.server.asked.append(fields)
            if fields.get("file") == "not an image":
                self._answer(415, {"detail": "The file is not an image.", "code": "not_an_image"})
                return
            task_id = str(len(self.server.asked))
            text = fields.get("file") or fields["url"]
            self.server.tasks[task_id] = {"text": text, "from": self.server.clock.now() + self.server.slow.get(text, 0)}
        self._answer(202, {"task_id": task_id, "status": "pending"})

    def do_GET(self) -> None:
        self.server.headers.append(dict(self.headers))
        path = urlsplit(self.path).path
        if path.endswith("/result"):
            self._result_file(path.split("/")[2])
            return
        task = self.server.tasks[path.rpartition("/")[2]]
        query = parse_qs(urlsplit(self.path).query)
        self.server.looks.append(query)
        if "wait" in query and self.server.on_wait == "refuses":
            self._answer(422, {"detail": "Unknown field: wait.", "code": "bad_request"})
            return
        if "wait" in query and self.server.on_wait == "is cut off":
            self.send_error(504)
            return
        if "wait" in query and self.server.on_wait == "waits":
            self._wait_until_read(task, float(query["wait"][0]))
        if "text" in query and not self.server.knows_text:
            self._answer(422, {"detail": "Unknown field: text.", "code": "bad_request"})
        elif not self._is_read(task):
            self._answer(200, {"status": "processing"})
        elif task["text"] == "damaged":
            self._answer(200, {"status": "failed", "error": "The file is damaged.", "code": "unreadable_image"})
        else:
            text = task["text"] if query.get("format") == ["raw"] else to_markdown(task["text"])
            answer: dict[str, Any] = {"status": "completed", "details": {"finish_reason": "stop"}}
            answer |= {} if query.get("text") == ["false"] else {"result": text}
            answer |= self.server.also.get(task["text"], {})
            self._answer(200, answer)
            self.server.completed[task["text"]].set()

    def _is_read(self, task: dict[str, Any]) -> bool:
        held = self.server.held.get(task["text"])
        return (held is None or held.is_set()) and self.server.clock.now() >= task["from"]

    def _wait_until_read(self, task: dict[str, Any], seconds: float) -> None:
        if (held := self.server.held.get(task["text"])) is not None:
            held.wait(seconds)
        left = min(seconds, task["from"] - self.server.clock.now())
        if left > 0:
            self.server.clock.wait(threading.Event(), left)

    def _result_file(self, task_id: str) -> None:
        if self.server.before_a_file:
            self._no_file(self.server.before_a_file.pop(0))
            return
        query = parse_qs(urlsplit(self.path).query)
        self.server.files_asked.append(query)
        (form,) = query["format"]
        if form in self.server.lacks:
            self._answer(501, {"detail": f"There is no {form} here.", "code": "format_not_available"})
            return
        if form in ("zip", "pdf", "docx") and self.server.making:
            self.server.making -= 1
            self._answer(202, {"task_id": task_id, "status": "processing"}, {"Retry-After": "0"})
            return
        data = f"{form} of {self.server.tasks[task_id]['text']} ü\n".encode() + (
            b"PK\xff" if form in BINARY_FORMATS else b""
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _no_file(self, why: str) -> None:
        if why == "away":
            self._answer(503, {"detail": "away", "code": "broker_unavailable"}, {"Retry-After": "0"})
        elif why == "no exporter":
            body = {"detail": "Start an exporter.", "code": "no_exporter"}
            self._answer(503, body, {"Retry-After": self.server.retry_after})
        elif why == "not ready":
            self._answer(202, {"task_id": "1", "status": "processing"}, {"Retry-After": "0"})
        else:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"4\r\nhalf\r\n")
            self.close_connection = True

    def _answer(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


def _fields(body: bytes) -> dict[str, str]:
    parts = re.findall(rb'name="(\w+)".*?\r\n\r\n(.*?)\r\n--', body, re.DOTALL)
    return {name.decode(): value.decode() for name, value in parts}


@contextmanager
def fake_service(clock: Clock) -> Iterator[FakeService]:
    fake = FakeService(clock)
    thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield fake
    fake.shutdown()
    fake.server_close()
