"""Requests that wait for a page. Their number is bounded, so that others find a thread; who hangs up frees its permit.

A waiting request occupies a thread, which costs 30 kB, and nothing else: it is woken by the client's change feed.
"""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from flask import Flask, Response, current_app

from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.export_status import ExportStatus
from ocr_celery.core.status import BatchView, TaskView
from ocr_celery.waiting import wait_for_batch, wait_for_export, wait_for_task
from web import request_context
from web.request_deadline import paused
from web.request_parsing import client

_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)  # macOS has no POLLRDHUP


class WaitPermit:
    """The right of a request to wait. `release` gives it back; thread-safe, and may be repeated."""

    def __init__(self, requests: "WaitingRequests", sock: socket.socket | None) -> None:
        self.sock = sock
        self._requests = requests
        self._held = threading.Semaphore(1)

    def go_on(self) -> bool:
        """Whether to wait any longer: the process goes on, and the caller is there."""
        return not self._requests.stopping.is_set() and not has_hung_up(self.sock)

    def release(self) -> None:
        """Let another request wait."""
        if self._held.acquire(blocking=False):
            self._requests.permits.release()


class WaitingRequests:
    """The requests of one process that wait. `limit`: how many may at the same time."""

    def __init__(self, limit: int) -> None:
        self.permits = threading.Semaphore(limit)
        self.stopping = threading.Event()

    def stop(self, wake_all: Callable[[], None]) -> None:
        """Have every request answered with what is known now, those that come later too. `wake_all`: ends their pauses."""
        self.stopping.set()
        wake_all()

    def acquire(self, sock: socket.socket | None) -> WaitPermit | None:
        """A permit for the request on this connection; None where all are taken, or the process is about to stop."""
        if self.stopping.is_set() or not self.permits.acquire(blocking=False):
            return None
        return WaitPermit(self, sock)


def limit_waiting(app: Flask, limit: int) -> None:
    """Bound the waiting requests of this app; one that may not wait is answered at once, with Retry-After."""
    app.extensions["waiting_requests"] = WaitingRequests(limit)
    app.after_request(_say_when_to_ask_again)


def _say_when_to_ask_again(response: Response) -> Response:
    if "wait_refused" in request_context.notes() and response.status_code < 300:
        response.headers["Retry-After"] = "1"
    return response


def waiting_requests() -> WaitingRequests:
    """Those of the app that answers the current request."""
    return cast(WaitingRequests, current_app.extensions["waiting_requests"])


def task_view(task_id: str, seconds: float) -> TaskView:
    """The task once it is final, or as it stands when the time is over. Raises like `Client.look_up`."""
    return cast(TaskView, _wait(seconds, client().look_up, wait_for_task, task_id))


def batch_view(batch_id: str, seconds: float) -> BatchView:
    """The same for a batch. Raises like `Client.look_up_batch`."""
    return cast(BatchView, _wait(seconds, client().look_up_batch, wait_for_batch, batch_id))


def export_status(export: ExportRequest, seconds: float) -> ExportStatus:
    """The same for an export, which is asked for. Raises like `Client.request_export`."""
    return cast(ExportStatus, _wait(seconds, client().request_export, wait_for_export, export))


def _wait(seconds: float, look: Callable[[Any], Any], wait: Callable[..., Any], id: Any) -> Any:
    if not seconds:
        return look(id)
    permit = waiting_requests().acquire(connection())
    if permit is None:
        view = look(id)
        if not view.status.final:
            request_context.notes().wait_refused = True
        return view
    try:
        with _clock_stopped():
            return wait(client(), id, seconds=seconds, go_on=permit.go_on)
    finally:
        permit.release()


def connection() -> socket.socket | None:
    """The connection of the current request; None in tests without a server."""
    return cast("socket.socket | None", request_context.request().environ.get("gunicorn.socket"))


@contextmanager
def _clock_stopped() -> Iterator[None]:
    """Inside, the current request waits as it was asked to: that is not counted as its duration."""
    notes, began = request_context.notes(), time.perf_counter()
    try:
        with paused(connection()):
            yield
    finally:
        waited = notes.get("long_poll_seconds", 0.0)  # one may wait for a task, and then for a file of it
        notes.long_poll_seconds = waited + time.perf_counter() - began


def has_hung_up(sock: socket.socket | None) -> bool:
    """Whether the caller has closed the connection, or its sending half. False for None, where there is no socket to ask."""
    if sock is None:
        return False
    poller = select.poll()
    try:
        poller.register(sock, _HUNG_UP | select.POLLIN)
        found = poller.poll(0)
        if not found or found[0][1] & _HUNG_UP:
            return bool(found)
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    except ValueError:  # closed already; or TLS, where nothing can be peeked at
        return sock.fileno() < 0
