"""Gives each request an id and a log line. The id is in every line logged meanwhile, in the answer, and in the page's line."""

import logging
import re
from secrets import token_hex
from typing import Any

import structlog
from flask import Flask, Request, Response

from ocr_celery.transport import outbox
from web import request_context
from web.request_events import RequestDone

_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROBES = frozenset({"/health", "/ready"})  #: requested every few seconds by what watches the service

log = structlog.get_logger("web.access")


def assign_request_ids(app: Flask) -> None:
    """Give every request of this app an id."""
    app.before_request(_bind_request_id)
    app.after_request(_add_request_id)
    app.teardown_request(_clear_request_id)


def log_request(done: RequestDone) -> None:
    """Write the line of a request, at a level by how it ended."""
    level = _level(done.request, done.status)
    if logging.getLogger("web.access").isEnabledFor(level):
        log.log(level, "request", **_log_fields(done))


def _bind_request_id() -> None:
    given = request_context.request().headers.get("X-Request-ID", "")
    request_id = given if _VALID_REQUEST_ID.fullmatch(given) else token_hex(16)
    request_context.notes().request_id = request_id
    structlog.contextvars.bind_contextvars(request_id=request_id)
    outbox.request_id.set(request_id)


def _add_request_id(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_context.notes().request_id
    return response


def _clear_request_id(_: BaseException | None) -> None:
    outbox.request_id.set("")


def _level(request: Request, status: int) -> int:
    """Debug for probes, and for reads that succeed: they are many and say little."""
    if request.path in _PROBES or (status == 200 and request.method in ("GET", "HEAD")):
        return logging.DEBUG
    return logging.INFO if status < 500 else logging.WARNING  # an internal error has a separate line


def _log_fields(done: RequestDone) -> dict[str, Any]:
    """The keys of the line. The caller's texts are shortened; the query is left out, as it may hold a secret."""
    request, notes = done.request, done.notes
    fields: dict[str, Any] = {
        "method": request.method[:16],
        "path": request.path[:200],
        "status": done.status,
        "ms": round(done.seconds * 1000, 1),
        "client": request.remote_addr or "",
        "size": request.content_length or 0,
        "user_agent": request.headers.get("User-Agent", "")[:120],
    }
    if done.long_poll_seconds:
        fields["long_poll_ms"] = round(done.long_poll_seconds * 1000, 1)
    if code := notes.get("code"):
        fields["code"] = code
    ids: dict[str, str] = notes.get("task_ids") or {k: str(v)[:64] for k, v in (request.view_args or {}).items()}
    return fields | ids
