"""The pages that a worker has: each is in one phase, and phases change here only, under one lock."""

import threading
from collections.abc import Iterable

from ocr_celery.consumer.page_run import PageRun, Phase


class PageTable:
    """Which pages are in which phase. Safe to use from many threads.

    `changed` is the lock, may be acquired twice, and is notified of every change.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.is_stopping = False  #: no page is loaded any more
        self._runs: dict[str, PageRun] = {}
        self._by_phase: dict[Phase, dict[str, PageRun]] = {phase: {} for phase in Phase}

    def __len__(self) -> int:
        return len(self._runs)

    def receive(self, run: PageRun) -> bool:
        """Add a page. False: its task is in progress already; this delivery waits among the `duplicates` of the first."""
        with self.changed:
            first = self._runs.get(run.key)
            if first is not None and not first.terminated:
                first.duplicates.append(run)
                return False
            self._runs[run.key] = run
            self._by_phase[run.phase][run.key] = run
            return True

    def move(self, phase: Phase, *runs: PageRun) -> None:
        """Put pages into a phase; DONE removes them from the table."""
        with self.changed:
            for run in runs:
                self._leave_phase(run)
                run.phase = phase
                if phase is not Phase.DONE:
                    self._by_phase[phase][run.key] = run
                elif self._runs.get(run.key) is run:
                    del self._runs[run.key]
            self.changed.notify_all()

    def _leave_phase(self, run: PageRun) -> None:
        phase = self._by_phase[run.phase]
        if phase.get(run.key) is run:
            del phase[run.key]

    def release(self, ids: Iterable[str]) -> dict[str, PageRun]:
        """Move those of these pages that are in the engine to STORING, and return them by task id."""
        with self.changed:
            in_engine = self._by_phase[Phase.IN_ENGINE]
            released = {id: in_engine[id] for id in ids if id in in_engine}
            self.move(Phase.STORING, *released.values())
        return released

    def stop(self) -> int:
        """The worker is to stop. Returns how many pages are left."""
        with self.changed:
            self.is_stopping = True
            self.changed.notify_all()
            return len(self._runs)

    def is_draining(self) -> bool:
        """Whether no further page will be ready."""
        return self.is_stopping and not self.count(Phase.RECEIVED, Phase.PREPARING)

    def count(self, *phases: Phase) -> int:
        """How many pages are in these phases."""
        with self.changed:
            return sum(len(self._by_phase[phase]) for phase in phases)

    def in_phase(self, phase: Phase) -> list[PageRun]:
        """The pages that are in this phase now."""
        with self.changed:
            return list(self._by_phase[phase].values())

    def deliveries(self) -> list[PageRun]:
        """All deliveries, duplicates included."""
        with self.changed:
            return [run for first in self._runs.values() for run in (first, *first.duplicates)]
