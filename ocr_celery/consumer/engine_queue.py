"""The pages that wait for the engine, under the lock of the page table: the batch policy says which of them are due.

It keeps what the policy has to know of the engine, too: since when it is idle, or until when it is unavailable.
"""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial

from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.core.batching import Batcher, BatchPolicy, EngineState
from ocr_celery.core.prefetch import PrefetchController


class EngineQueue:
    """The pages that wait to enter. Safe to use from many threads.

    `clock`: monotonic seconds. `prefetch` is told how fast pages leave the engine.
    """

    def __init__(
        self,
        policy: BatchPolicy,
        *,
        pages: PageTable,
        prefetch: PrefetchController,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pages = pages
        self._prefetch = prefetch
        self._clock = clock
        # all below is guarded by `pages.changed`
        self._batcher = Batcher[PageRun](policy)
        self._idle_since = self._busy_since = clock()
        self._paused_until = 0.0  # the engine is unavailable until then
        self._working_since = math.inf  # since the first page was ready

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

    def put_back(self, runs: Sequence[PageRun]) -> None:
        """Queue pages again that the engine did not read: before all others, in their order."""
        with self._pages.changed:
            for run in runs:
                if run.quarantined:
                    self._batcher.enqueue_quarantined(run, solo_strikes=run.solo_strikes)
            self._batcher.put_back([run for run in runs if not run.quarantined], now=self._clock())
            self._pages.move(Phase.READY, *runs)

    def withdraw(self, run: PageRun) -> bool:
        """Take a page out: it is ENDING now. Whether it waited."""
        with self._pages.changed:
            if run.phase is not Phase.READY or not self._batcher.remove(run):
                return False
            self._pages.move(Phase.ENDING, run)
        return True

    def remove_rereads(self) -> list[PageRun]:
        """Take the pages out that wait for another reading: they are ENDING now."""
        with self._pages.changed:
            removed = self._batcher.remove_rereads()
            self._pages.move(Phase.ENDING, *removed)
        return removed

    def waiting_behind(self, most: int) -> int:
        """How many quarantined pages, and pages to be read again, wait; each count is limited to `most`."""
        return min(self._batcher.quarantined_waiting, most) + min(self._batcher.rereads_waiting, most)

    def due_in(self) -> float | None:
        """Seconds until pages are due: 0 if some are now, None if that takes another page or a freed slot."""
        with self._pages.changed:
            return self._batcher.due_in(self._state())

    def warmup_left(self) -> float:
        """Seconds until a crash counts as evidence against a page that runs solo."""
        with self._pages.changed:
            return self._batcher.warmup_left(self._state())

    def take(self) -> list[PageRun]:
        """Take the pages out that are due now: they are IN_ENGINE, and the caller lets them enter."""
        with self._pages.changed:
            batch = self._batcher.take(self._state())
            if batch and not self._pages.count(Phase.IN_ENGINE):
                self._busy_since = self._clock()
            for run in batch:
                run.entered_at = 0.0
            self._pages.move(Phase.IN_ENGINE, *batch)
        return batch

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

    def pause(self, seconds: float) -> None:
        """The engine is unavailable for so long: no page is due."""
        with self._pages.changed:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

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
