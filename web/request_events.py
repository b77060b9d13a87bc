"""One event for each answered request. The request log is a listener; metrics can be another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from flask import Flask, Request, Response

from web import request_context


@dataclass(frozen=True, slots=True)
class RequestDone:
    """A request whose answer is about to be sent."""

    request: Request
    status: int
    seconds: float  #: from the request's head to its answer, without its long poll
    long_poll_seconds: float  #: that it waited for a page, as it was asked to by `?wait=`
    notes: Any  #: what is noted about the request: `code` of its error, `task_ids` that it created


RequestListener = Callable[[RequestDone], None]


def announce_requests(app: Flask, listeners: Sequence[RequestListener]) -> None:
    """Call these, in a request's own thread, once it is answered. What one of them raises is answered by a 500."""
    app.before_request(_start)
    app.after_request(partial(_finish, listeners))


def _start() -> None:
    request_context.notes().started_at = perf_counter()


def _finish(listeners: Sequence[RequestListener], response: Response) -> Response:
    notes = request_context.notes()
    long_poll_seconds = notes.get("long_poll_seconds", 0.0)
    seconds = perf_counter() - notes.started_at - long_poll_seconds
    done = RequestDone(request_context.request(), response.status_code, seconds, long_poll_seconds, notes)
    for listener in listeners:
        listener(done)
    return response
