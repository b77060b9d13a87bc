"""Pages are made by a few child processes: a stranger's file costs its own page at most, never the worker or a neighbour."""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ocr_celery.core.page import Page
from ocr_celery.decode import cost_estimate
from ocr_celery.decode.child_registry import ChildRegistry
from ocr_celery.decode.decode_queue import DecodeQueue, Limits
from ocr_celery.decode.decoder_thread import DecoderThread
from ocr_celery.decode.header import read_header
from ocr_celery.decode.job import Job, Result
from ocr_celery.decode.protocol import Request
from ocr_celery.errors import OcrError

log = logging.getLogger(__name__)

_MAX_THREADS = 4  #: of a kind, however many CPUs there are
_QUICK_PAGE_BYTES = 96 << 20  #: bytes for each quick seat: enough for A4 at 300 dpi in most formats
_MIN_COSTLY_BYTES, _COSTLY_BYTES_PER_PIXEL = (
    192 << 20,
    17,
)  #: for costly pages together: at least so much, and for each accepted pixel
_CHILD_BASE_BYTES = 256 << 20  #: bytes of address space that a child has before it decodes, and more
_MAX_WAITING_BYTES = 256 << 20  #: bytes of files that wait; whoever brings more of them waits, too

_JOIN_SECONDS = 10.0  #: seconds for a thread that is busy with what it was given


class DecoderPool:
    """See the module. Safe to call from many threads."""

    def __init__(
        self,
        *,
        max_pixels: int,
        max_side: int,
        seconds: float,
        on_failure: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        """`max_pixels` of a picture as stored, `max_side` pixels of a page's longer side, `seconds` for each page.

        `broke`: called where children cannot be started any more, from any thread and more than once; pages are done with None.
        """
        self.on_failure = on_failure
        self.max_pixels, self.max_side, self.seconds = max_pixels, max_side, seconds
        self.max_memory = max(_MIN_COSTLY_BYTES, max_pixels * _COSTLY_BYTES_PER_PIXEL)
        processors = _processors()
        quick = min(processors + 1, _MAX_THREADS)
        costly = min(max(processors, 2), _MAX_THREADS)
        self._queue = DecodeQueue[Job](
            Limits(pages=quick, memory=quick * _QUICK_PAGE_BYTES), Limits(pages=costly, memory=self.max_memory)
        )
        self._changed = threading.Condition()
        self.children = ChildRegistry(self.max_memory + _CHILD_BASE_BYTES)
        self._threads: set[DecoderThread] = set()
        self._costly_cancelled = self._closed = False
        for _ in range(quick):
            self._start_thread(costly=False)
        for _ in range(costly):
            self._start_thread(costly=True)

    def submit(self, data: bytes, done: Callable[[Result], None]) -> Job:
        """Decode this file; `done` is called once, from another thread, with what became of it.

        Raises what `header.read_header` raises. Returns at once; see `wait_for_room`.
        """
        header = read_header(data, max_pixels=self.max_pixels)
        expected = cost_estimate.estimate_memory(header, data, self.max_side)
        job = Job(data=data, expected=expected, memory=expected, done=done)
        self._add(job)
        return job

    def wait_for_room(self, job: Job) -> None:
        """Wait while this file waits and all that wait are too many bytes: else files would come faster than they go."""
        with self._changed:
            while not self.is_cancelled and self._queue.is_waiting(job) and self._waiting_bytes > _MAX_WAITING_BYTES:
                self._changed.wait()

    @property
    def _waiting_bytes(self) -> int:
        return sum(len(job.data) for job in self._queue.waiting)

    def decode(self, data: bytes) -> Page:
        """The page in this file, waited for. Raises its `OcrError`; `RuntimeError` where the pool is given up."""
        result: Future[Result] = Future()
        self.submit(data, result.set_result)
        found = result.result()
        if isinstance(found, OcrError):
            raise found
        if found is None:
            raise RuntimeError("the pool of decoders is being closed")
        return found

    @property
    def costly_count(self) -> int:
        """How many pages that take long wait or are decoded."""
        with self._changed:
            return self._queue.costly

    def cancel_costly(self) -> None:
        """Decode no costly pages from now on: they are done with None, those that wait at once."""
        with self._changed:
            self._costly_cancelled = True
            waiting = self._queue.cancel_waiting(costly=True)
            self._changed.notify_all()
        for job in waiting:
            self._call_done(job, None)

    def close(self) -> None:
        """Kill all children, and wait for that. What was not decoded is done with None."""
        self.cancel_costly()
        with self._changed:
            self._closed = True
            waiting = self._queue.cancel_waiting(costly=False)
            threads = list(self._threads)
            self._changed.notify_all()
        self.children.close()
        for job in waiting:
            self._call_done(job, None)
        for thread in threads:
            thread.join(_JOIN_SECONDS)

    # -- what seats ask (from their threads) -----------------------------------------------------------------------------

    @property
    def is_cancelled(self) -> bool:
        """Whether costly pages are not to be decoded any more."""
        return self._costly_cancelled

    @property
    def is_closed(self) -> bool:
        """Whether nothing is to be decoded any more."""
        return self._closed

    def next_job(self, *, costly: bool) -> Job | None:
        """The next of this kind, waited for; None: there will be none."""
        with self._changed:
            while not self._closed:
                if job := self._queue.take(costly=costly):
                    self._changed.notify_all()
                    return job
                self._changed.wait()
        return None

    def request(self, job: Job) -> Request:
        """What a child is to be asked."""
        return Request(
            length=len(job.data),
            max_pixels=self.max_pixels,
            max_side=self.max_side,
            memory=job.memory if job.costly else self._queue.max_quick_memory,
            seconds=self.seconds,
        )

    def try_make_costly(self, job: Job) -> bool:
        """A quick page takes long. Whether it may go on; then another seat is opened for quick ones."""
        with self._changed:
            if not self._queue.try_make_costly(job):
                return False
            self._changed.notify_all()
        self._start_thread(costly=False)
        return True

    def requeue(self, job: Job) -> None:
        """The page is to start again, among the costly ones."""
        self._remove(job)
        job.costly, job.seconds = True, 0.0
        self._add(job)

    def finish(self, job: Job, result: Result) -> None:
        """This became of it."""
        self._remove(job)
        self._call_done(job, result)

    def thread_ended(self, thread: DecoderThread) -> None:
        """The seat's thread ends."""
        with self._changed:
            self._threads.discard(thread)

    def _remove(self, job: Job) -> None:
        with self._changed:
            self._queue.remove(job)
            self._changed.notify_all()

    def _add(self, job: Job) -> None:
        with self._changed:
            self._queue.add(job)
            refused = [] if not self._costly_cancelled else self._queue.cancel_waiting(costly=True)
            refused += [] if not self._closed else self._queue.cancel_waiting(costly=False)
            self._changed.notify_all()
        for one in refused:
            self._call_done(one, None)

    @staticmethod
    def _call_done(job: Job, result: Result) -> None:
        try:
            job.done(result)
        except Exception:  # no seat ends over it
            log.exception("unexpected, after a page was decoded")

    def _start_thread(self, *, costly: bool) -> None:
        thread = DecoderThread(self, costly=costly)
        with self._changed:
            self._threads.add(thread)
        thread.start()


def _processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
