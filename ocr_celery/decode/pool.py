"""The pool of decoders: a few child processes, so that a hostile file can cost only its own page."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.page import Page
from ocr_celery.decode import cost_estimate
from ocr_celery.decode.child_set import ChildSet
from ocr_celery.decode.decode_queue import DecodeQueue
from ocr_celery.decode.decoder_thread import DecoderThread
from ocr_celery.decode.header import read_header
from ocr_celery.decode.job import DecodeJob, DecodeResult, JobResult, document_job
from ocr_celery.decode.memory_limits import MOST_AT_ONCE, child_address_space, pool_limits
from ocr_celery.decode.protocol import Operation, Request, pack_location
from ocr_celery.errors import OcrError

log = logging.getLogger(__name__)

Found = TypeVar("Found", Page, DocumentInfo)

_MAX_WAITING_BYTES = 256 << 20  #: of files that wait; above it callers of `wait_for_room` wait as well
_JOIN_SECONDS = 10.0  #: for a thread that is finishing its page


class PoolClosed(RuntimeError):
    """The pool was closed before the file was decoded; the file may be intact."""


class DecoderPool:
    """Decodes files to pages. Thread-safe."""

    def __init__(
        self,
        *,
        max_pixels: int,
        max_side: int,
        seconds: float,
        at_once: int = MOST_AT_ONCE,
        on_failure: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        """`max_pixels` of an image as stored; `max_side`: pixels of a page's longer side; `seconds` for each page.

        `at_once`: pages that are quickly decoded, and as many costly ones, at the same time; fewer where CPUs are few.

        `on_failure`: called when children cannot be started any more, from any thread, possibly several times. Pages then
        end with None.
        """
        self.on_failure = on_failure
        self.max_pixels, self.max_side, self.seconds = max_pixels, max_side, seconds
        quick, costly = pool_limits(max_pixels, at_once)
        self.max_memory = costly.memory
        self._queue = DecodeQueue[DecodeJob](quick, costly)
        self._changed = threading.Condition()
        self.children = ChildSet(child_address_space(self.max_memory))
        self._threads: set[DecoderThread] = set()
        self._costly_cancelled = self._closed = False
        for _ in range(quick.pages):
            self._start_thread(costly=False)
        for _ in range(costly.pages):
            self._start_thread(costly=True)

    def submit(self, data: bytes, done: Callable[[DecodeResult], None]) -> DecodeJob:
        """Decode this file. `done` is called once with the result, from any thread.

        Raises what `header.read_header` raises. Returns at once; see `wait_for_room`.
        """
        header = read_header(data, max_pixels=self.max_pixels)
        expected = cost_estimate.estimate_memory(header, data, self.max_side)
        job = DecodeJob(data=data, expected=expected, memory=expected, done=done)
        self._add(job)
        return job

    def submit_page(
        self,
        path: Path,
        number: int,
        done: Callable[[DecodeResult], None],
        *,
        password: str = "",
        text_layer: str = "fallback",
    ) -> DecodeJob:
        """Decode page `number`, from 1, of the document at this path. `done` as for `submit`. Returns at once.

        The file must stay there until `done` is called. `text_layer`: "ignore", or the page comes with the text that the
        file has for it.
        """
        location, memory = pack_location(path, password), self._queue.max_quick_memory
        with_text = text_layer != "ignore"
        job = document_job(Operation.PAGE, location, memory, done, number=number, with_text=with_text)
        self._add(job)
        return job

    def open_document(self, path: Path, *, password: str = "") -> DocumentInfo:
        """Open the document at this path and wait for the number of its pages.

        Raises `PasswordNeeded`, `WrongPassword`, `UnreadableDocument`, `TooManyPages`, `PageTooCostly`, what
        `header.read_header` raises, and `PoolClosed`.
        """
        result: Future[DocumentInfo | OcrError | None] = Future()
        location, memory = pack_location(path, password), self._queue.max_quick_memory
        self._add(document_job(Operation.OPEN, location, memory, result.set_result))
        return _found(result.result())

    def wait_for_room(self, job: DecodeJob) -> None:
        """Block while this file waits and the files that wait exceed _MAX_WAITING_BYTES: this bounds the memory they take."""
        with self._changed:
            while not self.costly_stopped and self._queue.is_waiting(job) and self._waiting_bytes > _MAX_WAITING_BYTES:
                self._changed.wait()

    @property
    def _waiting_bytes(self) -> int:
        return sum(len(job.data) for job in self._queue.waiting)

    def decode(self, data: bytes) -> Page:
        """Decode this file and wait for the page. Raises its `OcrError`, or `PoolClosed`."""
        result: Future[DecodeResult] = Future()
        self.submit(data, result.set_result)
        return _found(result.result())

    @property
    def costly_count(self) -> int:
        """How many costly pages wait or are being decoded."""
        with self._changed:
            return self._queue.costly

    def stop_costly(self) -> None:
        """Decode no more costly pages: they end with None; those that wait end at once."""
        with self._changed:
            self._costly_cancelled = True
            waiting = self._queue.remove_waiting(costly=True)
            self._changed.notify_all()
        for job in waiting:
            self._call_done(job, None)

    def close(self) -> None:
        """Kill all children and wait for their ends. Pages not decoded by then end with None."""
        self.stop_costly()
        with self._changed:
            self._closed = True
            waiting = self._queue.remove_waiting(costly=False)
            threads = list(self._threads)
            self._changed.notify_all()
        self.children.close()
        for job in waiting:
            self._call_done(job, None)
        for thread in threads:
            thread.join(_JOIN_SECONDS)

    # -- called by `DecoderThread`, on its thread ---------------------------------------------------------------------------

    @property
    def costly_stopped(self) -> bool:
        """Whether costly pages are no longer decoded."""
        return self._costly_cancelled

    @property
    def is_closed(self) -> bool:
        """Whether no page is decoded any more."""
        return self._closed

    def next_job(self, *, costly: bool) -> DecodeJob | None:
        """Wait for the next job of this kind; None once the pool is closed."""
        with self._changed:
            while not self._closed:
                if job := self._queue.take(costly=costly):
                    self._changed.notify_all()
                    return job
                self._changed.wait()
        return None

    def request(self, job: DecodeJob) -> Request:
        """The request to a child for this job."""
        memory = job.memory if job.costly else self._queue.max_quick_memory
        return job.request(max_pixels=self.max_pixels, max_side=self.max_side, memory=memory, seconds=self.seconds)

    def try_make_costly(self, job: DecodeJob) -> bool:
        """A quick page takes too long. If it may continue as a costly one, start another thread for quick pages."""
        with self._changed:
            if not self._queue.try_make_costly(job):
                return False
            self._changed.notify_all()
        self._start_thread(costly=False)
        return True

    def requeue(self, job: DecodeJob) -> None:
        """Decode this page again from the start, as a costly one.

        The time of a document's page goes on: it may be tried with more and more memory.
        """
        self._remove(job)
        job.costly = True
        if not job.is_document:
            job.seconds = 0.0
        self._add(job)

    def finish(self, job: DecodeJob, result: JobResult) -> None:
        """The job ended with this result."""
        self._remove(job)
        self._call_done(job, result)

    def thread_ended(self, thread: DecoderThread) -> None:
        """This thread ends."""
        with self._changed:
            self._threads.discard(thread)

    def _remove(self, job: DecodeJob) -> None:
        with self._changed:
            self._queue.remove(job)
            self._changed.notify_all()

    def _add(self, job: DecodeJob) -> None:
        with self._changed:
            self._queue.add(job)
            refused = [] if not self._costly_cancelled else self._queue.remove_waiting(costly=True)
            refused += [] if not self._closed else self._queue.remove_waiting(costly=False)
            self._changed.notify_all()
        for one in refused:
            self._call_done(one, None)

    @staticmethod
    def _call_done(job: DecodeJob, result: JobResult) -> None:
        try:
            job.done(result)
        except Exception:  # the thread must go on
            log.exception("unexpected error in the callback of a decoded page")

    def _start_thread(self, *, costly: bool) -> None:
        thread = DecoderThread(self, costly=costly)
        with self._changed:
            self._threads.add(thread)
        thread.start()


def _found(result: Found | OcrError | None) -> Found:
    if isinstance(result, OcrError):
        raise result
    if result is None:
        raise PoolClosed("the pool of decoders is being closed")
    return result
