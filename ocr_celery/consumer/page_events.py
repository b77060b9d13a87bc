"""One event for each page whose task ends or is tried again. The log is a listener; metrics can be another."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.errors import OcrError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageDone:
    """A page that this worker is done with. Its times and readings are in `run`."""

    run: PageRun
    result: dict[str, Any] | OcrError  #: the result of its task, or the error

    @property
    def tries(self) -> int:
        """How often the page was tried, this time included."""
        return int(self.run.request.request_dict.get("retries") or 0) + 1

    @property
    def is_retried(self) -> bool:
        """Whether Celery tries it again later."""
        max_retries: int = self.run.request.task.max_retries or 0
        return isinstance(self.result, OcrError) and self.result.retryable and self.tries <= max_retries


PageListener = Callable[[PageDone], None]


def announce(listeners: Sequence[PageListener], event: PageDone) -> None:
    """Call the listeners, in a thread "complete". What one of them raises is logged and harms no page."""
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            log.exception("page listener failed: task %s", event.run.id)
