"""Reads the body of a request, within bounds of size, of time, and of the memory that all bodies of a process take."""

import ctypes
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from flask import Flask, Request, current_app, g
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import RequestEntityTooLarge

from ocr_celery.errors import QueueFull
from web import request_context
from web.problems import MalformedRequest, RequestTimeout
from web.request_deadline import grant, granted, timed_out

_CHUNK = 1024 * 1024  # bytes read at once; a body up to this size is not counted
_MAX_LARGEST_BODIES = 6  # bodies of the largest size that a process has in memory at the same time
_RESERVE_TIMEOUT = 10.0  # seconds that a body waits for memory
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of glibc's malloc.h


@dataclass
class BodyMemory:
    """The memory for bodies, which all threads of a process share. `free`: bytes."""

    free: int
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def reserve(self, size: int, *, timeout: float) -> bool:
        """Reserve this many bytes; False if they are not free within `seconds`."""
        end = time.monotonic() + timeout
        with self._changed:
            while self.free < size:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)
            self.free -= size
            return True

    def release(self, size: int) -> None:
        """Free bytes that were reserved."""
        with self._changed:
            self.free += size
            self._changed.notify_all()


def limit_bodies(app: Flask, *, max_body_bytes: int, rate: float) -> None:
    """Bound the bodies of this app.

    `max_body_bytes`: that one body may have at most. `rate`: bytes a second at which one has to arrive that takes long.
    """
    app.extensions["upload_rate"] = rate
    app.extensions["body_memory"] = BodyMemory(_MAX_LARGEST_BODIES * max_body_bytes)
    app.teardown_request(lambda _: release_memory())


def return_freed_memory() -> None:
    """Return the memory of large bodies to the system when they are freed: glibc would keep it for each thread."""
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _CHUNK // 2)
        libc.mallopt(_M_ARENA_MAX, 2)


def read(limit: int, *, timeout: float) -> bytes:
    """The body, of at most `limit` bytes. `timeout`: seconds that a request may take, for the error message.

    Raises `RequestEntityTooLarge`, `RequestTimeout`, `MalformedRequest`, and `QueueFull` if other bodies take all the memory.
    """
    request = request_context.request()
    length = request.content_length
    if length is not None and length > limit:
        raise RequestEntityTooLarge
    try:
        data = _receive(request, limit, length)
    except (ParseException, OSError, ValueError):
        _check_deadline(request, timeout)
        raise MalformedRequest("The body is incomplete, or its chunks are malformed.") from None
    _check_deadline(request, timeout)
    if len(data) > limit:
        raise RequestEntityTooLarge
    if length is not None and len(data) < length:
        raise MalformedRequest("The body is shorter than its Content-Length.")
    g.body_read = True
    return data


def _receive(request: Request, limit: int, length: int | None) -> bytes:
    """The bytes that arrive, at most one more than the limit if the request gives no length."""
    stream = request.environ["wsgi.input"]
    if length is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    left = limit + 1 if length is None else length
    pieces: list[bytes] = []
    connection, rate = request.environ.get("gunicorn.socket"), current_app.extensions["upload_rate"]
    grant(connection, min(length or 0, _CHUNK) / rate)  # for the first piece, and for each further one when one is here
    while left > 0 and (piece := stream.read(min(left, _CHUNK))):
        left -= len(piece)
        pieces.append(piece)
        grant(connection, min(left, _CHUNK) / rate)
        if left > 0 and "reserved_body" not in g and sum(map(len, pieces)) >= _CHUNK:
            _reserve(limit if length is None else length)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _reserve(size: int) -> None:
    """Reserve memory for the whole body; a request that only announces a large one reserves none."""
    if not current_app.extensions["body_memory"].reserve(size, timeout=_RESERVE_TIMEOUT):
        raise QueueFull
    g.reserved_body = size


def release_memory() -> None:
    """The current request's body is no longer in memory."""
    if size := g.pop("reserved_body", 0):
        current_app.extensions["body_memory"].release(size)


def _check_deadline(request: Request, seconds: float) -> None:
    connection = request.environ.get("gunicorn.socket")
    if timed_out(connection):
        raise RequestTimeout(f"The request did not arrive within {round(seconds + granted(connection), 1):g} s.")
