"""The tasks, under the names that other services send them by.

A page task's body runs after its page was read: the batching pool prepares and reads it, then lets Celery's own tracer
run the task, which returns or raises what came out. So results, retries, links and chords stay Celery's.
"""

import random
import time
from collections.abc import Sequence
from typing import Any

from celery import Task

from ocr_celery import message, task_results
from ocr_celery.celery import process_app
from ocr_celery.errors import Internal, OcrError
from ocr_celery.transport import current_result

_RETRY_DELAYS = (2, 8, 30)  #: seconds before each new try of a page whose trouble may pass
_LONGEST_WAIT = 120.0  #: seconds; the upper limit of a host's Retry-After


app = process_app()


class PageTask(Task):
    """One page to read."""

    abstract = True
    Request = "ocr_celery.consumer.request:PageRequest"
    typing = False  # arguments are checked by `message.read_job`, which answers with a code
    throws = (OcrError,)  # a page that cannot be read is no fault of the worker's: one line, no traceback
    max_retries = len(_RETRY_DELAYS)
    resultrepr_maxsize = 120  # Flower and events show the beginning of the text, not the page

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result dict of the page being completed, or raise its error."""
        try:
            result = current_result.get()
        except LookupError:
            raise Internal(f"{self.name} needs a worker with the BatchPool.") from None
        if not isinstance(result, BaseException):
            return result
        retries = self.request.retries
        if isinstance(result, OcrError) and result.retryable and retries < len(_RETRY_DELAYS):
            wait = _RETRY_DELAYS[retries] * random.uniform(0.8, 1.2)
            if result.retry_after:  # never before it, and not all pages of a host in the same moment
                wait = max(wait, min(result.retry_after, _LONGEST_WAIT) * random.uniform(1.0, 1.2))
            self.request.next_try_at = time.time() + wait  # the backend records it
            raise self.retry(exc=result, countdown=wait, priority=9)
        raise result

    def on_retry(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """The page has been sent again, to be tried later."""
        self.backend.note_retry(task_id, self.request)


@app.task(base=PageTask, bind=True, name=message.IMAGE)
def ocr_image(self: PageTask, *args: Any, **kwargs: Any) -> Any:
    """``ocr.image(image, **options)``: raw bytes, or a reference from `client.store_image`."""
    return PageTask.run(self)


@app.task(base=PageTask, bind=True, name=message.URL)
def ocr_url(self: PageTask, *args: Any, **kwargs: Any) -> Any:
    """``ocr.url(url, **options)``: the image behind an http or https URL."""
    return PageTask.run(self)


@app.task(base=PageTask, bind=True, name=message.DOCUMENT)
def ocr_document(self: PageTask, *args: Any, **kwargs: Any) -> Any:
    """``ocr.document(document, **options)``: the same as ``ocr.image``, for who knows that the file has several pages."""
    return PageTask.run(self)


@app.task(base=PageTask, bind=True, name=message.PAGE)
def ocr_page(self: PageTask, *args: Any, **kwargs: Any) -> Any:
    """``ocr.page(document_id, number)``: one page of a document that a worker has opened; sent by workers only."""
    return PageTask.run(self)


@app.task(base=PageTask, bind=True, name=message.ASSEMBLE)
def ocr_assemble(self: PageTask) -> Any:
    """``ocr.assemble()``: a document whose pages are all final, under the document's id; sent by workers only."""
    return PageTask.run(self)


@app.task(name=message.COLLECT, resultrepr_maxsize=120)
def ocr_collect(outcomes: Any, refused: Sequence[tuple[int, Any]] = ()) -> dict[str, Any]:
    """``ocr.collect(outcomes)``: the body of a chord over page tasks; gets every outcome, failed ones included.

    `refused`: see `task_results.batch_summary`.
    """
    return task_results.batch_summary(outcomes, refused)
