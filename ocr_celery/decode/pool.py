"""Pages are made by a few child processes: a stranger's file costs its own page at most, never the worker or a neighbour."""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ocr_celery.core.page import Page
from ocr_celery.decode import cost_estimate
from ocr_celery.decode.admission import Admission, Room
from ocr_celery.decode.child_registry import Children
from ocr_celery.decode.decoder_thread import Seat
from ocr_celery.decode.header import look
from ocr_celery.decode.job import Job, Result
from ocr_celery.decode.protocol import Request
from ocr_celery.errors import OcrError

log = logging.getLogger(__name__)

_MOST_SEATS = 4  #: of a kind, however many CPUs there are
_QUICK_MEMORY = 96 << 20  #: bytes for each quick seat: enough for A4 at 300 dpi in most formats
_SMALLEST, _BYTES_A_PIXEL = 192 << 20, 17  #: for costly pages together: at least so much, and for each accepted pixel
_CHILD = 256 << 20  #: bytes of address space that a child has before it decodes, and more
_MOST_WAITING = 256 << 20  #: bytes of files that wait; whoever brings more of them waits, too

_ENDED_WITHIN = 10.0  #: seconds for a thread that is busy with what it was given


class DecoderPool:
    """See the module. Safe to call from many threads."""

    def __init__(
        self,
        *,
        max_pixels: int,
        max_side: int,
        seconds: float,
        broke: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        """`max_pixels` of a picture as stored, `max_side` pixels of a page's longer side, `seconds` for each page.

        `broke`: called where children cannot be started any more, from any thread and more than once; pages are done with None.
        """
        self.broke = broke
        self.max_pixels, self.max_side, self.seconds = max_pixels, max_side, seconds
        self.most_memory = max(_SMALLEST, max_pixels * _BYTES_A_PIXEL)
        processors = _processors()
        quick = min(processors + 1, _MOST_SEATS)
        costly = min(max(processors, 2), _MOST_SEATS)
        self._admission = Admission[Job](
            Room(seats=quick, memory=quick * _QUICK_MEMORY), Room(seats=costly, memory=self.most_memory)
        )
        self._changed = threading.Condition()
        self.children = Children(self.most_memory + _CHILD)
        self._threads: set[Seat] = set()
        self._giving_up = self._closed = False
        for _ in range(quick):
            self._open_seat(costly=False)
        for _ in range(costly):
            self._open_seat(costly=True)

    def submit(self, data: bytes, done: Callable[[Result], None]) -> Job:
        """Decode this file; `done` is called once, from another thread, with what became of it.

        Raises what `header.look` raises. Returns at once; see `wait_for_room`.
        """
        header = look(data, max_pixels=self.max_pixels)
        expected = cost_estimate.memory(header, data, self.max_side)
        job = Job(data=data, expected=expected, memory=expected, done=done)
        self._add(job)
        return job

    def wait_for_room(self, job: Job) -> None:
        """Wait while this file waits and all that wait are too many bytes: else files would come faster than they go."""
        with self._changed:
            while not self.gives_up and self._admission.waits(job) and self._waiting_bytes > _MOST_WAITING:
                self._changed.wait()

    @property
    def _waiting_bytes(self) -> int:
        return sum(len(job.data) for job in self._admission.waiting)

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
    def costly(self) -> int:
        """How many pages that take long wait or are decoded."""
        with self._changed:
            return self._admission.costly

    def give_up(self) -> None:
        """Decode no costly pages from now on: they are done with None, those that wait at once."""
        with self._changed:
            self._giving_up = True
            waiting = self._admission.give_up(costly=True)
            self._changed.notify_all()
        for job in waiting:
            self._tell(job, None)

    def close(self) -> None:
        """Kill all children, and wait for that. What was not decoded is done with None."""
        self.give_up()
        with self._changed:
            self._closed = True
            waiting = self._admission.give_up(costly=False)
            threads = list(self._threads)
            self._changed.notify_all()
        self.children.close()
        for job in waiting:
            self._tell(job, None)
        for thread in threads:
            thread.join(_ENDED_WITHIN)

    # -- what seats ask (from their threads) -----------------------------------------------------------------------------

    @property
    def gives_up(self) -> bool:
        """Whether costly pages are not to be decoded any more."""
        return self._giving_up

    @property
    def is_closed(self) -> bool:
        """Whether nothing is to be decoded any more."""
        return self._closed

    def next_job(self, *, costly: bool) -> Job | None:
        """The next of this kind, waited for; None: there will be none."""
        with self._changed:
            while not self._closed:
                if job := self._admission.take(costly=costly):
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
            memory=job.memory if job.costly else self._admission.most_memory_of_a_quick_page,
            seconds=self.seconds,
        )

    def becomes_costly(self, job: Job) -> bool:
        """A quick page takes long. Whether it may go on; then another seat is opened for quick ones."""
        with self._changed:
            if not self._admission.becomes_costly(job):
                return False
            self._changed.notify_all()
        self._open_seat(costly=False)
        return True

    def put_back(self, job: Job) -> None:
        """The page is to start again, among the costly ones."""
        self._leave(job)
        job.costly, job.seconds = True, 0.0
        self._add(job)

    def finish(self, job: Job, result: Result) -> None:
        """This became of it."""
        self._leave(job)
        self._tell(job, result)

    def left(self, seat: Seat) -> None:
        """The seat's thread ends."""
        with self._changed:
            self._threads.discard(seat)

    def _leave(self, job: Job) -> None:
        with self._changed:
            self._admission.leave(job)
            self._changed.notify_all()

    def _add(self, job: Job) -> None:
        with self._changed:
            self._admission.add(job)
            refused = [] if not self._giving_up else self._admission.give_up(costly=True)
            refused += [] if not self._closed else self._admission.give_up(costly=False)
            self._changed.notify_all()
        for one in refused:
            self._tell(one, None)

    @staticmethod
    def _tell(job: Job, result: Result) -> None:
        try:
            job.done(result)
        except Exception:  # no seat ends over it
            log.exception("unexpected, after a page was decoded")

    def _open_seat(self, *, costly: bool) -> None:
        seat = Seat(self, costly=costly)
        with self._changed:
            self._threads.add(seat)
        seat.start()


def _processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
