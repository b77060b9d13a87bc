"""Watches the engine: reports one that died, and ends the pages that have been in it for longer than the deadline."""

import logging
import threading
import time
from collections.abc import Callable

from ocr_celery.consumer.crash_tracker import CrashTracker
from ocr_celery.consumer.engine_queue import EngineQueue
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.scheduler import EngineScheduler
from ocr_celery.consumer.scheduler_events import SchedulerEvents
from ocr_celery.core.quarantine import Cause
from ocr_celery.engine.contract import Engine, Outcome
from ocr_celery.errors import PageDeadline

log = logging.getLogger(__name__)

_WATCH_INTERVAL = 1.0  #: seconds between two checks


class EngineWatch:
    """Checks the engine each second, in the thread "watch", until the scheduler is closed.

    `deadline`: seconds a page may be in the engine.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        pages: PageTable,
        queue: EngineQueue,
        scheduler: EngineScheduler,
        events: SchedulerEvents,
        tracker: CrashTracker,
        deadline: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._pages = pages
        self._queue = queue
        self._scheduler = scheduler
        self._events = events
        self._tracker = tracker
        self._deadline = deadline
        self._clock = clock

    def start(self) -> None:
        """Watch from now on."""
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def _run(self) -> None:
        while not self._scheduler.closed.wait(_WATCH_INTERVAL):
            self.check()

    def check(self) -> None:
        """Check once."""
        if not self._scheduler.closed.is_set() and not self._engine.alive():
            self._scheduler.on_engine_failure(RuntimeError("it is not alive"))
        since = self._clock() - self._deadline
        for run in self._pages.in_phase(Phase.IN_ENGINE):
            if 0 < run.entered_at < since:
                self._end_overdue(run)

    def _end_overdue(self, run: PageRun) -> None:
        """A page that can be aborted fails; where the engine cannot, the page goes back and this worker exits."""
        log.error("page deadline exceeded: task %s, %g s", run.id, self._deadline)
        if self._engine.abort(run.id):
            if self._queue.release([run.id]):
                self._events.on_outcome(run, Outcome(id=run.id, result=PageDeadline(), seconds=self._deadline))
            return
        if run.phase is not Phase.IN_ENGINE:
            return  # it left the engine just now
        self._scheduler.close()
        self._tracker.convict(run.id, Cause.DEADLINE)
        self._events.on_engine_failure(TimeoutError(f"task {run.id} does not end"), Cause.DEADLINE)
