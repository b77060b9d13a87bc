"""Lets pages enter the engine when they are due, and takes them out: read, postponed, aborted, or with a failed engine.

Before pages enter, they are marked in Redis, so that a crash of this process counts against them (consumer/crash_tracker.py).
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from ocr_celery.consumer.crash_tracker import CrashTracker
from ocr_celery.consumer.engine_queue import EngineQueue
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.scheduler_events import SchedulerEvents
from ocr_celery.core.quarantine import Cause, run_mode
from ocr_celery.engine.contract import Engine, EngineUnavailable, Outcome

log = logging.getLogger(__name__)


class EngineScheduler:
    """Lets pages enter, from thread "batcher". Its other methods may be called from any thread."""

    def __init__(
        self,
        *,
        engine: Engine,
        queue: EngineQueue,
        pages: PageTable,
        events: SchedulerEvents,
        tracker: CrashTracker,
        find_cancelled: Callable[[Sequence[str]], set[str]] = lambda _: set(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`find_cancelled`: which of these task ids were cancelled, as Redis says; called before they enter."""
        self.batches: Counter[int] = Counter()  #: pages that entered an idle engine together → how often
        self.refills = 0  #: pages that entered a running one
        self.closed = threading.Event()
        self._engine = engine
        self._queue = queue
        self._pages = pages
        self._events = events
        self._tracker = tracker
        self._find_cancelled = find_cancelled
        self._clock = clock

    def start(self) -> None:
        """Let pages enter from now on."""
        threading.Thread(target=self._run, name="batcher", daemon=True).start()

    def close(self) -> None:
        """Let no further page enter."""
        with self._pages.changed:
            self.closed.set()
            self._pages.changed.notify_all()

    # -- entering --------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self.closed.is_set():
            with self._pages.changed:
                due = self._queue.due_in()
                if due != 0:
                    self._pages.changed.wait(due)
                    continue
            self.dispatch()

    def dispatch(self) -> None:
        """Let enter what is due now. Only ever called from one thread."""
        with self._pages.changed:
            batch = [] if self.closed.is_set() else self._queue.take()
        try:
            cancelled = self._find_cancelled([run.id for run in batch]) if batch else set()
            for run in batch:
                run.cancelled |= run.id in cancelled
            live = [run for run in batch if not self._cancel_if_revoked(run)]
            if live:
                self._enter(live)
        except Exception as exc:
            self.on_engine_failure(exc)

    def _cancel_if_revoked(self, run: PageRun) -> bool:
        if not run.cancelled and not run.cancel_if_revoked():
            return False
        self._queue.release([run.id])
        self._events.on_unread(run)
        return True

    def _enter(self, live: list[PageRun]) -> None:
        in_engine = self._mark(live)
        if live[0].quarantined and live[0].page is None and not self._prepare_quarantined(live[0]):
            return
        with self._pages.changed:
            entering = [run for run in live if run.phase is Phase.IN_ENGINE]  # the others were aborted meanwhile
            for run in entering:
                run.on_enter(batch=in_engine, now=self._clock())
            requests = [run.engine_request() for run in entering]
        if len(entering) < len(live):
            self._tracker.clear([run.id for run in live if run not in entering])
        if requests:
            self._engine.enter(requests)
        for run in entering:
            if run.terminated and run.phase is not Phase.IN_ENGINE:
                self._engine.abort(run.id)  # the first time may have been just before it entered
            run.announce_started()  # last: the engine need not wait for it

    def _mark(self, live: list[PageRun]) -> int:
        """Record that these pages enter. Returns how many are in the engine with them."""
        with self._pages.changed:
            in_engine = [run.id for run in self._pages.in_phase(Phase.IN_ENGINE)]
            warmup_left = self._queue.warmup_left()
        if len(in_engine) == len(live):
            self.batches[len(in_engine)] += 1
        else:
            self.refills += len(live)
        mode = run_mode(quarantined=live[0].quarantined, in_engine=len(in_engine), warmup_left=warmup_left)
        self._tracker.mark([run.id for run in live], mode, in_engine=in_engine)
        return len(in_engine)

    def _prepare_quarantined(self, run: PageRun) -> bool:
        """Whether the page may enter."""
        completed = self._events.prepare_quarantined(run)
        if run.page is not None:
            return True
        was_there = bool(self._queue.release([run.id]))  # False: it was aborted meanwhile, and is completed already
        self._tracker.clear([run.id])
        if completed and was_there:
            self._events.on_unread(run)
        return False

    # -- leaving ---------------------------------------------------------------------------------------------------------

    def on_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """The engine's callback, from any thread."""
        released = self._queue.release([outcome.id for outcome in outcomes])
        postponed = []
        for outcome in outcomes:
            run = released.get(outcome.id)
            if run is None:  # it was aborted
                continue
            if isinstance(outcome.result, EngineUnavailable):
                postponed.append(run)
                self._queue.pause(outcome.result.retry_after)
            else:
                self._events.on_outcome(run, outcome)
        if postponed:
            self._postpone(postponed)

    def _postpone(self, runs: list[PageRun]) -> None:
        """Let pages wait, with all others, until the engine may be reached again; or have them requeued."""
        self._tracker.clear([run.id for run in runs])
        log.warning("engine unavailable: %d pages wait", len(runs))
        if self._pages.is_stopping:
            for run in runs:
                self._events.on_postponed(run)
            return
        self._queue.put_back(runs)

    def abort(self, run: PageRun) -> bool:
        """Free the slot of a page in the engine. Whether it was there."""
        if run.phase is not Phase.IN_ENGINE:
            return False
        self._engine.abort(run.id)
        return bool(self._queue.release([run.id]))

    def on_engine_failure(self, exc: BaseException) -> None:
        """The engine's callback, from any thread."""
        self.close()
        self._events.on_engine_failure(exc, Cause.ENGINE)
