"""One try to make an export, as its record shows it: that it is still being made, and how it ended.

A later try takes the record over: an exporter that has noted nothing for long may still be at work, but what it reports is
ignored.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

from celery.worker import state as worker_state
from redis.exceptions import RedisError

from ocr_celery.core.export_request import ExportRequest
from ocr_celery.errors import ExportFailed, OcrError, TaskNotFound
from ocr_celery.store.exports import GONE, SUPERSEDED, Exports
from ocr_celery.transport.stop_request import is_set

_ALIVE_INTERVAL = 2.0  #: seconds between two notes that an export is still being made


class Interrupted(BaseException):
    """The exporter is to stop: the export goes back to the queue. It is no error, so that no format takes it for one."""


class Superseded(Exception):
    """Another exporter has begun the same export: it belongs to that one now."""


class Attempt:
    """One try, used by one thread. `seconds`: that it may take. All calls raise `RedisError`."""

    def __init__(self, exports: Exports, request: ExportRequest, *, seconds: float) -> None:
        self._exports, self._request, self._seconds = exports, request, seconds
        self._by = uuid4().hex  # what the record knows this try by

    def begin(self) -> int:
        """Note that the export is being made. Answers like `Exports.begin`."""
        self._end = time.monotonic() + self._seconds
        self._next_at = time.monotonic() + _ALIVE_INTERVAL
        self._tries = self._exports.begin(self._request, by=self._by, now=time.time())
        return self._tries

    def check(self) -> None:
        """Note that it lives; to be called between pages. Raises what says that it is to end."""
        now = time.monotonic()
        if is_set(worker_state.should_stop) or is_set(worker_state.should_terminate):
            raise Interrupted
        if now > self._end:
            raise ExportFailed(f"Making this file took more than {self._seconds:g} s.")
        if now >= self._next_at:
            self._next_at = now + _ALIVE_INTERVAL
            self._raise_if_lost(self._note_alive())

    @contextmanager
    def noting_life(self) -> Iterator[None]:
        """Inside, a thread notes that it lives: for what takes long and cannot call `check`."""
        ended = threading.Event()

        def note() -> None:
            while not ended.wait(_ALIVE_INTERVAL):
                with suppress(RedisError):  # the next note may arrive
                    self._note_alive()

        thread = threading.Thread(target=note, name="note-life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def complete(self, size: int) -> None:
        """Note that its file, of so many bytes, lies in the store. Raises `TaskNotFound` and `Superseded`."""
        self._raise_if_lost(self._exports.complete(self._request, size, by=self._by, now=time.time()))

    def fail(self, error: OcrError) -> None:
        """Note why it cannot be made."""
        self._exports.fail(self._request, error, by=self._by, now=time.time())

    def give_back(self) -> None:
        """Note that it waits again; this try does not count. Raises `Superseded`: then its message must not come again."""
        found = self._exports.give_back(self._request, tries=self._tries - 1, by=self._by, now=time.time())
        if found == SUPERSEDED:
            raise Superseded

    def _note_alive(self) -> int:
        return self._exports.note_alive(self._request, by=self._by, now=time.time())

    @staticmethod
    def _raise_if_lost(found: int) -> None:
        if found == GONE:
            raise TaskNotFound
        if found == SUPERSEDED:
            raise Superseded
