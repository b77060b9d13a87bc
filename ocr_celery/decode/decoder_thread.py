"""A thread with a child of its own, which it asks for one page after another, and whose time it watches over.

A child for quick pages is used again; one that has worked on a costly page ends after it, and with it the memory it took.
"""

import logging
import threading
import time
from typing import TYPE_CHECKING

from ocr_celery.core.page import Page
from ocr_celery.decode.child_process import Child, ChildDied
from ocr_celery.decode.job import Job
from ocr_celery.decode.protocol import BadAnswer
from ocr_celery.errors import Internal, OcrError, PageTooCostly, Unreadable

if TYPE_CHECKING:
    from ocr_celery.decode.pool import DecoderPool

log = logging.getLogger(__name__)

QUICK_CPU_SECONDS = (
    0.5  #: seconds of CPU time for which a page may keep a quick seat from others: a busy machine is no page's doing
)
_STOP_CHECK_AFTER = 1.0  #: seconds after which a child is looked at for that
_CHECK_INTERVAL = 0.25  #: seconds between two looks at the clock, of which
_MAX_STEP = 1.0  #: so many count at most: what happens while the worker itself is stopped is no page's doing
_START_SECONDS = 120.0  #: seconds for a child to be ready; a busy machine needs some
_RESTART_DELAY = 1.0  #: seconds until another child is started after one that could not be
_MAX_PAGES_PER_CHILD = (
    1000  #: that a child makes, before another takes its place and what its decoders leaked is free again
)
_MAX_UNDERESTIMATE = 4  #: times as much memory as its header lets expect a file may take
_MAX_START_FAILURES = 30  #: children that cannot be started in a row, until the pool is of no more use
_MAX_CHILD_DEATHS = 2  #: children a page may kill: of the first it may have been somebody else


class _TimedOut(Exception):
    """The page has had its time."""


class _MustRestart(Exception):
    """The page takes long, and there is no room among those that do."""


class _Stopped(ChildDied):
    """Somebody else has stopped the child (SIGSTOP): that is no page's doing."""


class _Cancelled(Exception):
    """The page takes long, and the worker stops."""


class DecoderThread(threading.Thread):
    """See the module. Ends when the pool is closed, or after a quick page that became a costly one."""

    def __init__(self, pool: "DecoderPool", *, costly: bool) -> None:
        super().__init__(name="decode-costly" if costly else "decode", daemon=True)
        self._pool, self._costly, self._child = pool, costly, None

    _child: Child | None

    def run(self) -> None:
        """As a thread."""
        quick = not self._costly
        try:
            if quick:
                self._start_child()  # before a page needs it
            while job := self._pool.next_job(costly=self._costly):
                self._finish(job)
                if self._costly or (self._child and self._child.pages >= _MAX_PAGES_PER_CHILD):
                    self._end_child()
                if quick and self._costly:
                    break  # another one has taken this seat
                del job
        finally:
            self._end_child()
            self._pool.thread_ended(self)

    def _finish(self, job: Job) -> None:
        try:
            result = self._decode(job)
        except _MustRestart:
            self._end_child()
            self._pool.requeue(job)
        except _Cancelled:
            self._end_child()
            self._pool.finish(job, None)
        except Exception:  # a defect of this program: it says nothing about the file, and no page ends a seat
            log.exception("unexpected, while a page was decoded")
            self._end_child()
            self._pool.finish(job, Internal())
        else:
            self._deliver(job, result)

    def _deliver(self, job: Job, result: Page | OcrError | None) -> None:
        most = self._pool.max_memory
        if job.memory < most and (result is None or self._may_lack_memory(job, result)):
            job.memory = most
            self._pool.requeue(job)
        elif isinstance(result, Unreadable) and job.expected > most:
            self._pool.finish(job, PageTooCostly())  # a decoder that got less than it needs calls the file damaged
        else:
            self._pool.finish(job, result or PageTooCostly())

    def _may_lack_memory(self, job: Job, result: Page | OcrError) -> bool:
        """Whether the file may be whole: decoders that get less memory than they need call it damaged."""
        allowed = self._pool.request(job).memory
        return isinstance(result, Unreadable) and job.expected > allowed // _MAX_UNDERESTIMATE

    def _decode(self, job: Job) -> Page | OcrError | None:
        """None: it takes more memory than it was expected to."""
        while child := self._child or self._start_child():
            try:
                return child.decode(self._pool.request(job), job.data, _PageClock(self, job, child))
            except (_TimedOut, BadAnswer) as exc:
                log.warning("a page is not decoded: %s", exc)
                self._end_child()
                return PageTooCostly()
            except ChildDied as exc:
                self._end_child()
                if self._pool.is_closed:
                    break
                log.warning("a decoder died (%s)", exc)
                job.deaths += not isinstance(exc, _Stopped)
                if job.deaths >= _MAX_CHILD_DEATHS:
                    return PageTooCostly()
        raise _Cancelled

    def on_slow_page(self, job: Job) -> None:
        """A quick page takes long. Raises what is to become of it, if it may not go on."""
        if self._pool.is_cancelled:
            raise _Cancelled
        if not self._pool.try_make_costly(job):
            raise _MustRestart
        self._costly = True

    @property
    def pool(self) -> "DecoderPool":
        """Whose seat it is."""
        return self._pool

    def _start_child(self) -> Child | None:
        """A child that is ready; None where none is wanted any more. One that cannot be started is tried again, for a while."""
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
                    log.error("a decoder could not be started: %s", exc)
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
    """Counts the seconds of a page, and says when it has had enough of them."""

    def __init__(self, thread: DecoderThread, job: Job, child: Child) -> None:
        self._thread, self._job, self._child = thread, job, child
        self._began = self._last = time.monotonic()
        self._cpu = child.cpu_seconds()

    def __call__(self) -> float:
        """Seconds until it is to be asked again."""
        job, pool, now = self._job, self._thread.pool, time.monotonic()
        job.seconds += min(now - self._last, _MAX_STEP)
        self._last = now
        if now - self._began > _STOP_CHECK_AFTER and self._child.is_stopped():
            raise _Stopped("it was stopped")
        if job.seconds >= pool.seconds:
            raise _TimedOut(f"it took more than {pool.seconds:g} s")
        if job.costly and pool.is_cancelled:
            raise _Cancelled
        if not job.costly and self._used_seconds() > QUICK_CPU_SECONDS:
            self._thread.on_slow_page(job)
        return min(_CHECK_INTERVAL, pool.seconds - job.seconds)

    def _used_seconds(self) -> float:
        """Seconds of CPU time that the page has taken, of time where the system does not say."""
        cpu = self._child.cpu_seconds()
        return time.monotonic() - self._began if cpu is None or self._cpu is None else cpu - self._cpu
