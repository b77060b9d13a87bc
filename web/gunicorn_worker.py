"""gunicorn's threads, but for whom they wait: connections begin, are refused and end as this service wants it."""

import json
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from gunicorn.http import errors
from gunicorn.http import wsgi as gunicorn_wsgi

from web.connections import HeadWorker
from web.headers import SECURITY_HEADERS
from web.request_deadline import RequestDeadline, timed_out

_DRAIN_SECONDS, _DRAIN_BYTES = 0.5, 65_536  # of what a refused caller still sends

#: why a request is refused before the application sees it: status, reason, code, sentence; the first that fits
_REFUSALS: tuple[tuple[type[Exception], int, str, str, str], ...] = (
    (errors.LimitRequestLine, 414, "URI Too Long", "uri_too_long", "The address of the request is too long."),
    (
        errors.LimitRequestHeaders,
        431,
        "Request Header Fields Too Large",
        "headers_too_large",
        "The headers of the request are too large, or too many.",
    ),
    (errors.ExpectationFailed, 417, "Expectation Failed", "expectation_failed", "Of Expect, 100-continue is known."),
    (
        errors.UnsupportedTransferCoding,
        501,
        "Not Implemented",
        "unsupported_transfer_coding",
        "Of Transfer-Encoding, chunked is known.",
    ),
    (errors.ParseException, 400, "Bad Request", "malformed_request", "The request cannot be understood."),
    (
        Exception,
        500,
        "Internal Server Error",
        "internal_error",
        "Something went wrong inside the service; the log has the details.",
    ),
)

log = structlog.get_logger("web.gunicorn_worker")
gunicorn_wsgi.SERVER = "ocr-celery"  # what the header Server says


class Worker(HeadWorker):
    """One process. `upload_timeout`: seconds a request may take to arrive, set by gunicorn_conf.py."""

    upload_timeout = 60.0

    def init_process(self) -> None:
        """In the process that answers; returns when it ends."""
        self.deadline = RequestDeadline(self.upload_timeout)
        self.deadline.start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """One request, in a thread."""
        with self.deadline.track(conn.sock):
            keep_alive = super().handle(conn)
        return False if timed_out(conn.sock) else keep_alive  # what still comes over it is no new request

    def set_accept_enabled(self, enabled: bool) -> None:
        """Serve every caller that the system has let in before the door is shut: gunicorn would have them reset.

        It leaves the socket open until its last answer is given; closed at once, it refuses callers, who may come again.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        self.shorten_deadlines()
        for listener in self.sockets:
            accepted_before = -1
            while accepted_before != self.accepted:
                accepted_before = self.accepted
                super().accept(listener)
            listener.close()

    def finish_request(self, conn: Any, done: "Future[Any]") -> None:
        """Close at once: gunicorn would wait here, where it takes callers in, for up to 2 s until each hangs up.

        Nothing is lost by it, as no answer leaves with its request unread: see web/request_log.py.
        """
        if done.cancelled() or done.exception() or done.result() is not False:
            super().finish_request(conn, done)
            return
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Answer what the application never saw, in its own shape; gunicorn's page repeats parts of the request."""
        _, status, reason, code, detail = next(row for row in _REFUSALS if isinstance(exc, row[0]))
        if isinstance(exc, errors.InvalidResponseHeader | errors.InvalidResponseHeaderName):
            _, status, reason, code, detail = _REFUSALS[-1]
        request_id = uuid4().hex
        if status != 500:
            log.info("request_refused", status=status, reason=type(exc).__name__, request_id=request_id)
        else:
            log.error("unexpected_error", status=status, request_id=request_id, exc_info=exc)
        with suppress(OSError):
            client.setblocking(True)
            client.settimeout(_DRAIN_SECONDS)
            client.sendall(_http_response(status, reason, {"detail": detail, "code": code}, request_id))
            _drain(client)


def _http_response(status: int, reason: str, problem: dict[str, str], request_id: str) -> bytes:
    body = json.dumps(problem, separators=(",", ":")).encode() + b"\n"
    own = {"Connection": "close", "Content-Type": "application/json", "Content-Length": str(len(body))}
    headers = [*own.items(), ("X-Request-ID", request_id), *SECURITY_HEADERS]
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} {reason}\r\n{head}\r\n".encode("ascii") + body


def _drain(client: socket.socket) -> None:
    """Take what still comes, within bounds: closed on unread data, the connection is reset and the answer with it."""
    client.shutdown(socket.SHUT_WR)
    end, left = time.monotonic() + _DRAIN_SECONDS, _DRAIN_BYTES
    while left > 0 and (wait := end - time.monotonic()) > 0:
        client.settimeout(wait)
        data = client.recv(4096)
        if not data:
            return
        left -= len(data)
