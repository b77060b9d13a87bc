"""What the scheduler reports of its pages."""

from typing import Protocol

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.quarantine import Cause
from ocr_celery.engine.contract import Outcome


class SchedulerEvents(Protocol):
    """Called from the threads of the scheduler and of the engine. Only `prepare_quarantined` may block."""

    def on_outcome(self, run: PageRun, outcome: Outcome) -> None:
        """The engine is done with the page, which is STORING now."""

    def on_postponed(self, run: PageRun) -> None:
        """The engine was unavailable for the page, and the worker stops: its message is to be requeued."""

    def on_unread(self, run: PageRun) -> None:
        """The page left without having been read: it was revoked, has expired, or could not be prepared."""

    def prepare_quarantined(self, run: PageRun) -> bool:
        """Prepare the page while nothing else is in the engine. Sets `run.page`, unless it cannot be read.

        From the batcher's thread. False: the worker terminates first.
        """

    def on_engine_failure(self, exc: BaseException, cause: Cause) -> None:
        """The engine delivers no further outcome."""
