"""One id and one log line per request: the id stands in every line logged meanwhile, in the answer, and in the page's line."""

import logging
import re
from secrets import token_hex
from time import monotonic, perf_counter
from typing import Any

import structlog
from flask import Flask, Request, Response

from ocr_celery.transport import outbox
from web import request_context

_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROBES = frozenset({"/health", "/ready"})  #: asked every few seconds by what watches the service
_AT_ONCE = 64 * 1024  # bytes
_DRAIN_BYTES = 64 * 1024 * 1024
_DRAIN_SECONDS = 2.0

log = structlog.get_logger("web.access")


def register(app: Flask) -> None:
    """Watch every request of this app."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def _begin() -> None:
    given = request_context.request().headers.get("X-Request-ID", "")
    request_id = given if _SANE.fullmatch(given) else token_hex(16)
    notes = request_context.state()
    notes.request_id, notes.started = request_id, perf_counter()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    outbox.request_id.set(request_id)


def _forget(_: BaseException | None) -> None:
    outbox.request_id.set("")


def _end(response: Response) -> Response:
    request, notes = request_context.request(), request_context.state()
    response.headers["X-Request-ID"] = notes.request_id
    level = _level(request, response.status_code)
    if logging.getLogger("web.access").isEnabledFor(level):
        log.log(level, "request", **_told(request, notes, response.status_code))
    if "body_read" not in notes:
        _hear_out(request, response)
    return response


def _level(request: Request, status: int) -> int:
    """What asks again and again and finds all well is of interest to nobody."""
    if request.path in _PROBES or (status == 200 and request.method in ("GET", "HEAD")):
        return logging.DEBUG
    return logging.INFO if status < 500 else logging.WARNING  # of a mistake of ours an error has been logged


def _told(request: Request, notes: Any, status: int) -> dict[str, Any]:
    """What the line says. Texts of the caller's are shortened; a query is left out, it may hold a secret."""
    told: dict[str, Any] = {
        "method": request.method[:16],
        "path": request.path[:200],
        "status": status,
        "ms": round((perf_counter() - notes.started) * 1000, 1),
        "client": request.remote_addr or "",
        "size": request.content_length or 0,
        "user_agent": request.headers.get("User-Agent", "")[:120],
    }
    sent: dict[str, str] = notes.get("sent") or {k: str(v)[:64] for k, v in (request.view_args or {}).items()}
    if code := notes.get("code"):
        told["code"] = code
    return told | sent


def _hear_out(request: Request, response: Response) -> None:
    """Let a caller who is still sending see the answer: a connection closed on unread data is reset, answer and all."""
    has_body = request.content_length or "chunked" in request.headers.get("Transfer-Encoding", "")
    socket = request.environ.get("gunicorn.socket")
    if socket is None or not has_body:
        return
    stream = request.environ["wsgi.input"]

    def drain() -> None:
        """Throw away what still comes, up to a bound; whoever sends more is cut off."""
        end, left = monotonic() + _DRAIN_SECONDS, _DRAIN_BYTES
        try:
            while left > 0 and (wait := end - monotonic()) > 0:
                socket.settimeout(wait)
                data = stream.read(min(left, _AT_ONCE))
                if not data:
                    break
                left -= len(data)
        except Exception as exc:  # a broken body, or a caller gone: there is nobody left to tell
            log.debug("drain", reason=type(exc).__name__)

    response.call_on_close(drain)
