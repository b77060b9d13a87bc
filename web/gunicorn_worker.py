"""The gunicorn worker of the facade: it bounds each request's time, refuses in our own format, and closes connections at once."""

import json
import socket
import time
from collections.abc import Callable
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

_DRAIN_SECONDS, _DRAIN_BYTES = 0.5, 65_536  # bounds on what a refused caller still sends

#: how a request is refused that the application never sees: status, reason, code, detail; the first that matches
_REFUSALS: tuple[tuple[type[Exception], int, str, str, str], ...] = (
    (errors.LimitRequestLine, 414, "URI Too Long", "uri_too_long", "The request line is too long."),
    (
        errors.LimitRequestHeaders,
        431,
        "Request Header Fields Too Large",
        "headers_too_large",
        "The request has too many headers, or they are too large.",
    ),
    (
        errors.ExpectationFailed,
        417,
        "Expectation Failed",
        "expectation_failed",
        "Only Expect: 100-continue is supported.",
    ),
    (
        errors.UnsupportedTransferCoding,
        501,
        "Not Implemented",
        "unsupported_transfer_coding",
        "Only Transfer-Encoding: chunked is supported.",
    ),
    (errors.ParseException, 400, "Bad Request", "malformed_request", "The request is malformed."),
    (
        Exception,
        500,
        "Internal Server Error",
        "internal_error",
        "Something went wrong inside the service; the log has the details.",
    ),
)

log = structlog.get_logger("web.gunicorn_worker")
gunicorn_wsgi.SERVER = "ocr-celery"  # the Server header


class Worker(HeadWorker):
    """One process. Set by gunicorn_conf.py: `upload_timeout`, seconds that a request may take to arrive, and `before_stop`."""

    upload_timeout = 60.0
    before_stop: Callable[[], None] = staticmethod(
        lambda: None
    )  #: called in the main thread when the process begins to stop

    def init_process(self) -> None:
        """Run the process; returns when it ends."""
        self.deadline = RequestDeadline(self.upload_timeout)
        self.deadline.start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Handle one request, in a thread of the pool."""
        with self.deadline.track(conn.sock):
            keep_alive = super().handle(conn)
        return False if timed_out(conn.sock) else keep_alive  # what still arrives is not a new request

    def set_accept_enabled(self, enabled: bool) -> None:
        """When stopping, serve every connection in the backlog and close the listener; gunicorn would reset those connections.

        gunicorn also keeps the listener open until its last answer; once closed, new callers are refused and can retry.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        self.shorten_deadlines()
        self.before_stop()
        for listener in self.sockets:
            accepted_before = -1
            while accepted_before != self.accepted:
                accepted_before = self.accepted
                super().accept(listener)
            listener.close()

    def finish_request(self, conn: Any, done: "Future[Any]") -> None:
        """Close a connection without waiting for the caller; gunicorn would block the main thread for up to 2 s.

        No answer is lost, since the request has been read whole before: see web/unread_body.py.
        """
        if done.cancelled() or done.exception() or done.result() is not False:
            super().finish_request(conn, done)
            return
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:  # noqa: ARG002
        """Answer a request that the application never saw as other errors are; gunicorn's page would repeat parts of it."""
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
    """Read what still arrives, within bounds: a connection closed on unread data is reset, answer and all."""
    client.shutdown(socket.SHUT_WR)
    end, left = time.monotonic() + _DRAIN_SECONDS, _DRAIN_BYTES
    while left > 0 and (wait := end - time.monotonic()) > 0:
        client.settimeout(wait)
        data = client.recv(4096)
        if not data:
            return
        left -= len(data)
