"""Keeps the crash marks of the pages in the engine (store/crash_marks.py), as far as Redis can be reached."""

import logging
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from ocr_celery.core.quarantine import Cause, RunMode
from ocr_celery.store.crash_marks import CrashMarks

log = logging.getLogger(__name__)


class CrashTracker:
    """Marks the pages in the engine, and adds strikes.

    No method raises `RedisError`: a crash that goes unrecorded costs a further reading, no page.
    """

    def __init__(self, marks: CrashMarks) -> None:
        self._marks = marks
        self._stopped = False
        self._solo_id = ""  # of the page that is marked as running solo; only the batcher's thread touches it

    def mark(self, ids: Sequence[str], mode: RunMode, *, in_engine: Sequence[str]) -> None:
        """Mark pages that enter, and a page that ran solo until now. `in_engine`: all that are there, these included."""
        marked = list(ids)
        if self._solo_id in in_engine and self._solo_id not in marked:
            marked.append(self._solo_id)
        if self._best_effort(lambda: self._marks.mark(marked, mode)):
            self._solo_id = "" if mode is RunMode.SHARED else marked[0]

    def clear(self, ids: Sequence[str]) -> None:
        """These pages have left the engine: no crash counts against them any more."""
        self._best_effort(lambda: self._marks.clear(ids))

    def convict(self, id: str, cause: Cause) -> None:
        """Attribute the imminent exit to this page only."""
        self._best_effort(lambda: self._marks.convict(id, cause))

    def stop(self) -> None:
        """The worker was told to stop: a kill during shutdown is not attributed to the pages in the engine."""
        self._stopped = True  # first, so that no page is marked behind the removal
        self._write(self._marks.clear_all)

    def _best_effort(self, write: Callable[[], object]) -> bool:
        return self._stopped or self._write(write)

    @staticmethod
    def _write(write: Callable[[], object]) -> bool:
        try:
            write()
        except RedisError as exc:
            log.warning("could not record which pages are in the engine: %s", exc)
            return False
        return True
