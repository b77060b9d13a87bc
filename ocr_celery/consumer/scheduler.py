"""Puts the batch policy into practice: which pages enter the engine when, and what becomes of those that never leave it.

Before pages enter, they are marked in Redis, so that a crash of this process counts against them (consumer/crash_tracker.py).
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from ocr_celery.consumer.crash_tracker import CrashTracker
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.scheduler_events import SchedulerEvents
from ocr_celery.core.batching import Batcher, BatchPolicy, EngineState
from ocr_celery.core.prefetch import PrefetchController
from ocr_celery.core.quarantine import Cause, run_mode
from ocr_celery.engine.contract import Engine, EngineUnavailable, Outcome

log = logging.getLogger(__name__)


class EngineScheduler:
    """Lets pages enter, from thread "batcher". Its other methods may be called from any thread."""

    def __init__(
        self,
        *,
        engine: Engine,
        policy: BatchPolicy,
        prefetch: PrefetchController,
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
        self._prefetch = prefetch
        self._pages = pages
        self._events = events
        self._tracker = tracker
        self._find_cancelled = find_cancelled
        self._clock = clock
        # all below is guarded by `pages.changed`
        self._batcher = Batcher[PageRun](policy)
        self._idle_since = self._busy_since = clock()
        self._paused_until = 0.0  # the engine is unavailable until then
        self._working_since = math.inf  # since the first page was ready

    def start(self) -> None:
        """Let pages enter from now on."""
        threading.Thread(target=self._run, name="batcher", daemon=True).start()

    def close(self) -> None:
        """Let no further page enter."""
        with self._pages.changed:
            self.closed.set()
            self._pages.changed.notify_all()

    # -- waiting ---------------------------------------------------------------------------------------------------------

    def add(self, run: PageRun) -> None:
        """Queue a page that is ready, or a quarantined one that is decoded."""
        with self._pages.changed:
            now = self._clock()
            self._working_since = min(self._working_since, now)
            self._enqueue(run, partial(self._batcher.add, now=now))

    def enqueue_reread(self, run: PageRun) -> None:
        """Queue a page for another reading; unless it is quarantined, it takes only slots that no other page wants."""
        with self._pages.changed:
            self._enqueue(run, self._batcher.enqueue_reread)

    def _enqueue(self, run: PageRun, otherwise: Callable[[PageRun], None]) -> None:
        if run.quarantined:
            self._batcher.enqueue_quarantined(run, solo_strikes=run.solo_strikes)
        else:
            otherwise(run)
        self._pages.move(Phase.READY, run)

    def withdraw(self, run: PageRun) -> bool:
        """Take a page out that waits to enter: it is ENDING now. Whether it waited."""
        with self._pages.changed:
            if run.phase is not Phase.READY or not self._batcher.remove(run):
                return False
            self._pages.move(Phase.ENDING, run)
        return True

    def remove_rereads(self) -> list[PageRun]:
        """Take the pages out that wait for another reading: they are ENDING now."""
        with self._pages.changed:
            cancelled = self._batcher.remove_rereads()
            self._pages.move(Phase.ENDING, *cancelled)
        return cancelled

    def waiting_behind(self, most: int) -> int:
        """How many quarantined pages, and pages to be read again, wait; each count is limited to `most`."""
        return min(self._batcher.quarantined_waiting, most) + min(self._batcher.rereads_waiting, most)

    # -- entering --------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self.closed.is_set():
            with self._pages.changed:
                due = self._batcher.due_in(self._state())
                if due != 0:
                    self._pages.changed.wait(due)
                    continue
            self.dispatch()

    def dispatch(self) -> None:
        """Let enter what is due now. Only ever called from one thread."""
        with self._pages.changed:
            batch = [] if self.closed.is_set() else self._batcher.take(self._state())
            if batch and not self._pages.count(Phase.IN_ENGINE):
                self._busy_since = self._clock()
            for run in batch:
                run.entered_at = 0.0
            self._pages.move(Phase.IN_ENGINE, *batch)
        try:
            cancelled = self._find_cancelled([run.id for run in batch]) if batch else set()
            for run in batch:
                run.cancelled |= run.id in cancelled
            live = [run for run in batch if not self._cancel_if_revoked(run)]
            if live:
                self._enter(live)
        except Exception as exc:
            self.on_engine_failure(exc)

    def _state(self) -> EngineState:
        in_engine = self._pages.in_phase(Phase.IN_ENGINE)
        return EngineState(
            now=self._clock(),
            in_engine=len(in_engine),
            storing=self._pages.count(Phase.STORING),
            idle_since=self._idle_since,
            working_since=self._working_since,
            solo=any(run.quarantined for run in in_engine),
            draining=self._pages.is_draining(),
            paused_until=self._paused_until,
        )

    def _cancel_if_revoked(self, run: PageRun) -> bool:
        if not run.cancelled and not run.cancel_if_revoked():
            return False
        self.release([run.id])
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
            warmup_left = self._batcher.warmup_left(self._state())
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
        was_there = bool(self.release([run.id]))  # False: it was aborted meanwhile, and is completed already
        self._tracker.clear([run.id])
        if completed and was_there:
            self._events.on_unread(run)
        return False

    # -- leaving ---------------------------------------------------------------------------------------------------------

    def on_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """The engine's callback, from any thread."""
        released = self.release([outcome.id for outcome in outcomes])
        postponed = []
        for outcome in outcomes:
            run = released.get(outcome.id)
            if run is None:  # it was aborted
                continue
            if isinstance(outcome.result, EngineUnavailable):
                postponed.append(run)
                self._pause(outcome.result.retry_after)
            else:
                self._events.on_outcome(run, outcome)
        if postponed:
            self._postpone(postponed)

    def _pause(self, seconds: float) -> None:
        with self._pages.changed:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _postpone(self, runs: list[PageRun]) -> None:
        """Let pages wait, with all others, until the engine may be reached again; or have them requeued."""
        self._tracker.clear([run.id for run in runs])
        log.warning("engine unavailable: %d pages wait", len(runs))
        if self._pages.is_stopping:
            for run in runs:
                self._events.on_postponed(run)
            return
        with self._pages.changed:
            for run in runs:
                if run.quarantined:
                    self._batcher.enqueue_quarantined(run, solo_strikes=run.solo_strikes)
            self._batcher.put_back([run for run in runs if not run.quarantined], now=self._clock())
            self._pages.move(Phase.READY, *runs)

    def abort(self, run: PageRun) -> bool:
        """Free the slot of a page in the engine. Whether it was there."""
        if run.phase is not Phase.IN_ENGINE:
            return False
        self._engine.abort(run.id)
        return bool(self.release([run.id]))

    def release(self, ids: Sequence[str]) -> dict[str, PageRun]:
        """Free the slots of pages, which are STORING then. Returns those that were in the engine, by task id."""
        with self._pages.changed:
            released = self._pages.release(ids)
            now = self._clock()
            self._prefetch.pages_read(len(released), now - self._busy_since)
            self._busy_since = now
            if not self._pages.count(Phase.IN_ENGINE):
                self._idle_since = now
        return released

    def on_engine_failure(self, exc: BaseException) -> None:
        """The engine's callback, from any thread."""
        self.close()
        self._events.on_engine_failure(exc, Cause.ENGINE)
