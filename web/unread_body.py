"""Reads what a caller still sends once it has its answer: a connection closed on unread data is reset, answer and all."""

from time import monotonic
from typing import Any

import structlog
from flask import Flask, Response

from web import request_context

_CHUNK = 64 * 1024  # bytes
_MAX_BYTES = 64 * 1024 * 1024
_MAX_SECONDS = 2.0

log = structlog.get_logger("web")


def drain_unread_bodies(app: Flask) -> None:
    """Read on after every answer of this app whose request was not read whole."""
    app.after_request(_drain_when_sent)


def _drain_when_sent(response: Response) -> Response:
    request = request_context.request()
    has_body = request.content_length or "chunked" in request.headers.get("Transfer-Encoding", "")
    socket = request.environ.get("gunicorn.socket")
    if socket is not None and has_body and "body_read" not in request_context.notes():
        stream = request.environ["wsgi.input"]
        response.call_on_close(lambda: drain(socket, stream))
    return response


def drain(socket: Any, stream: Any) -> None:
    """Read and drop what comes, within bounds of time and size. A caller who sends more is cut off."""
    deadline = monotonic() + _MAX_SECONDS
    left = _MAX_BYTES
    try:
        while left > 0 and (seconds := deadline - monotonic()) > 0:
            socket.settimeout(seconds)
            data = stream.read(min(left, _CHUNK))
            if not data:
                break
            left -= len(data)
    except Exception as exc:  # a malformed body, or a connection that was closed: there is no caller to tell
        log.debug("drain_aborted", reason=type(exc).__name__)
