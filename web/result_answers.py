"""What the calls that return results as files have in common: the file as it is sent, and the answer where there is none."""

import errno
import socket
import struct
from collections.abc import Iterable, Iterator
from itertools import chain

import structlog
from flask import Response, jsonify, request

from ocr_celery.core.status import TaskView
from ocr_celery.errors import BrokerUnavailable, ResultUnreadable, StoreUnavailable
from ocr_celery.store.files.contract import NoSuchFile
from web.problems import TaskFailed, error_response
from web.request_deadline import grant
from web.request_models import ResultForm
from web.request_parsing import client
from web.results import render_task
from web.waiting import connection

log = structlog.get_logger("web")

RETRY_AFTER = 2  #: seconds
_RESET = struct.pack("ii", 1, 0)  #: SO_LINGER: whatever was not sent is discarded


def without_result(view: TaskView) -> Response:
    """The answer about a task that failed, or is not ready."""
    if isinstance(view.error, ResultUnreadable):
        raise view.error
    if view.error is not None:
        response = error_response(view.error)
        response.status_code = TaskFailed.http_status
        return response
    response = jsonify(render_task(view, ResultForm(format="raw")))
    response.status_code = 202
    response.headers["Location"] = f"{request.root_path}/ocr/{view.id}"
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def sent(pieces: Iterable[str | bytes], task_id: str) -> Iterator[bytes]:
    """What is sent, made as it is sent. The first bytes are there already: what goes wrong before is an answer of its own."""
    sock = connection()
    data = _encoded(pieces, sock, client().settings.upload_rate * 1024)
    first = next(data, b"")
    return chain([first], _until_broken(data, sock, task_id))


def _until_broken(data: Iterator[bytes], sock: socket.socket | None, task_id: str) -> Iterator[bytes]:
    """The same. Where Redis or the store goes away meanwhile, or the file is deleted, the connection is broken.

    What was sent must not look complete.
    """
    try:
        yield from data
    except (BrokerUnavailable, StoreUnavailable, NoSuchFile) as exc:
        reason = "the file was deleted" if isinstance(exc, NoSuchFile) else exc.message
        log.warning("result_broken_off", task_id=task_id, reason=reason)
        if sock is not None:  # it is reset, not closed: that is the end of an answer of HTTP/1.0
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        raise ConnectionResetError(errno.ECONNRESET, "the result is incomplete") from None


def _encoded(pieces: Iterable[str | bytes], sock: socket.socket | None, bytes_per_second: float) -> Iterator[bytes]:
    """The pieces that are not empty. A caller gets as much time to take a result as an upload of its length has."""
    for piece in pieces:
        data = piece.encode("utf-8", "replace") if isinstance(piece, str) else piece  # half a surrogate pair is no text
        if data:
            grant(sock, len(data) / bytes_per_second)
            yield data
