"""A thread that decodes pages in one child process, and limits the time of each.

A child that decodes quick pages is reused. After a costly page the child is ended, which frees all the memory it took.
"""

import logging
import threading
import time
from typing import TYPE_CHECKING

from ocr_celery.decode.child_process import Child, ChildDied
from ocr_celery.decode.job import DecodeJob, JobResult
from ocr_celery.decode.memory_limits import next_memory
from ocr_celery.decode.protocol import BadAnswer
from ocr_celery.errors import Internal, PageTooCostly, Unreadable

if TYPE_CHECKING:
    from ocr_celery.decode.pool import DecoderPool

log = logging.getLogger(__name__)

#: of CPU time (not wall-clock time: the machine may be busy), after which a page counts as costly
QUICK_CPU_SECONDS = 0.5
_STOP_CHECK_AFTER = 1.0  #: seconds after which a child is checked for SIGSTOP
_CHECK_INTERVAL = 0.25  #: seconds between two checks of a page's time
_MAX_STEP = 1.0  #: seconds that count at most between two checks: the worker itself may have been stopped meanwhile
_START_SECONDS = 120.0  #: for a child to be ready, on a busy machine
_RESTART_DELAY = 1.0  #: seconds after a child could not be started
_MAX_PAGES_PER_CHILD = 1000  #: then the child is replaced, which frees what its decoders leaked
_MAX_UNDERESTIMATE = 4  #: a file may need this many times its estimated memory
_MAX_START_FAILURES = 30  #: consecutive; then the pool has failed
_MAX_CHILD_DEATHS = 2  #: then the page fails; a single death may have another cause


class _TimedOut(Exception):
    """The page exceeded its time."""


class _MustRestart(Exception):
    """The page must be decoded again as a costly one, because a limit for costly pages is reached."""


class _Stopped(ChildDied):
    """The child was stopped (SIGSTOP), which does not count against the page."""


class _CostlyStopped(Exception):
    """The page is costly, and the pool no longer decodes costly pages."""


class DecoderThread(threading.Thread):
    """Decodes pages until the pool is closed; a thread for quick pages also ends after a page that became costly."""

    def __init__(self, pool: "DecoderPool", *, costly: bool) -> None:
        super().__init__(name="decode-costly" if costly else "decode", daemon=True)
        self._pool, self._costly, self._child = pool, costly, None

    _child: Child | None

    def run(self) -> None:
        """Decode jobs of the pool."""
        quick = not self._costly
        try:
            if quick:
                self._start_child()  # before a page needs it
            while job := self._pool.next_job(costly=self._costly):
                self._finish(job)
                if self._costly or (self._child and self._child.pages >= _MAX_PAGES_PER_CHILD):
                    self._end_child()
                if quick and self._costly:
                    break  # the pool has started another quick thread
                del job
        finally:
            self._end_child()
            self._pool.thread_ended(self)

    def _finish(self, job: DecodeJob) -> None:
        try:
            result = self._decode(job)
        except _MustRestart:
            self._end_child()
            self._pool.requeue(job)
        except _CostlyStopped:
            self._end_child()
            self._pool.finish(job, None)
        except Exception:  # a defect of this program, not of the file; the thread must go on
            log.exception("unexpected error while decoding a page")
            self._end_child()
            self._pool.finish(job, Internal())
        else:
            self._deliver(job, result)

    def _deliver(self, job: DecodeJob, result: JobResult) -> None:
        most = self._pool.max_memory
        if job.memory < most and (result is None or self._may_lack_memory(job, result)):
            job.memory = next_memory(job.memory, most, is_document=job.is_document)
            self._pool.requeue(job)
        elif isinstance(result, Unreadable) and job.expected > most:
            self._pool.finish(job, PageTooCostly())  # a decoder without enough memory reports a damaged file
        else:
            self._pool.finish(job, result or PageTooCostly())

    def _may_lack_memory(self, job: DecodeJob, result: JobResult) -> bool:
        """Whether the file may be intact: decoders without enough memory report a damaged file."""
        allowed = self._pool.request(job).memory
        return isinstance(result, Unreadable) and job.expected > allowed // _MAX_UNDERESTIMATE

    def _decode(self, job: DecodeJob) -> JobResult:
        """What was found, or the error of the file; None if it needs more memory than allowed."""
        while child := self._child or self._start_child():
            try:
                return child.decode(self._pool.request(job), job.data, _PageClock(self, job, child))
            except (_TimedOut, BadAnswer) as exc:
                log.warning("page not decoded: %s", exc)
                self._end_child()
                return PageTooCostly()
            except ChildDied as exc:
                self._end_child()
                if self._pool.is_closed:
                    break
                log.warning("decoder died: %s", exc)
                if job.is_document and job.memory < self._pool.max_memory and not isinstance(exc, _Stopped):
                    return None  # PDFium ends its process when it gets no memory
                job.deaths += not isinstance(exc, _Stopped)
                if job.deaths >= _MAX_CHILD_DEATHS:
                    return PageTooCostly()
        raise _CostlyStopped

    def continue_as_costly(self, job: DecodeJob) -> None:
        """A quick page takes too long. Raises `_MustRestart` or `_CostlyStopped` if it may not continue."""
        if self._pool.costly_stopped:
            raise _CostlyStopped
        if not self._pool.try_make_costly(job):
            raise _MustRestart
        self._costly = True

    @property
    def pool(self) -> "DecoderPool":
        """The pool that this thread works for."""
        return self._pool

    def _start_child(self) -> Child | None:
        """Start a child and wait until it is ready, with retries. None if the pool is closed or has failed."""
        failures = 0
        while not self._pool.is_closed:
            end = time.monotonic() + _START_SECONDS

            def watch(end: float = end) -> float:
                if time.monotonic() > end:
                    raise ChildDied("it was not ready in time")
                return _CHECK_INTERVAL

            try:
                self._child = self._pool.children.start()
                if self._child:
                    self._child.wait_ready(watch)
                    self._pool.children.report_start(None)
                return self._child
            except (OSError, ChildDied) as exc:
                self._end_child()
                self._pool.children.report_start(exc)
                if not self._pool.is_closed:
                    log.error("cannot start a decoder: %s", exc)
                    failures += 1
                    if failures >= _MAX_START_FAILURES:
                        self._pool.on_failure(exc)
                        return None
                    time.sleep(_RESTART_DELAY)
        return None

    def _end_child(self) -> None:
        if self._child:
            self._pool.children.remove(self._child)
            self._child = None


class _PageClock:
    """The `TimeCheck` of one page: adds up its time and ends it at its limit."""

    def __init__(self, thread: DecoderThread, job: DecodeJob, child: Child) -> None:
        self._thread, self._job, self._child = thread, job, child
        self._began = self._last = time.monotonic()
        self._cpu = child.cpu_seconds()

    def __call__(self) -> float:
        """Check the time; returns the seconds until the next check."""
        job, pool, now = self._job, self._thread.pool, time.monotonic()
        job.seconds += min(now - self._last, _MAX_STEP)
        self._last = now
        if now - self._began > _STOP_CHECK_AFTER and self._child.is_stopped():
            raise _Stopped("it was stopped")
        if job.seconds >= pool.seconds:
            raise _TimedOut(f"it took more than {pool.seconds:g} s")
        if job.costly and pool.costly_stopped:
            raise _CostlyStopped
        if not job.costly and self._used_seconds() > QUICK_CPU_SECONDS:
            self._thread.continue_as_costly(job)
        return min(_CHECK_INTERVAL, pool.seconds - job.seconds)

    def _used_seconds(self) -> float:
        """CPU seconds of the page; wall-clock seconds where the system does not say."""
        cpu = self._child.cpu_seconds()
        return time.monotonic() - self._began if cpu is None or self._cpu is None else cpu - self._cpu
