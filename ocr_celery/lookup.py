"""The part of the client that asks how tasks, documents and batches stand, and waits for them."""

import logging
from collections.abc import Iterator
from dataclasses import replace

from ocr_celery import waiting
from ocr_celery.core.document import page_id
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.status import STATUS_BY_CELERY_STATE, BatchView, Status, TaskView
from ocr_celery.document_view import PagesView, document_progress, page_views, result_pages
from ocr_celery.errors import NotADocument, ResultExpired, ResultUnreadable, TaskNotFound
from ocr_celery.service_connection import ServiceConnection
from ocr_celery.task_view import expired_view, to_view, warn_damaged

log = logging.getLogger(__name__)


class Lookup(ServiceConnection):
    """See `Client`."""

    def look_up(self, task_id: str) -> TaskView:
        """How a task stands. Raises `TaskNotFound`, `ResultExpired`, `BrokerUnavailable`.

        One whose record in Redis cannot be read is failed, its error `ResultUnreadable`; the log says why.
        """
        task_id = str(task_id)  # None and numbers name no task; redis-py would refuse them as if Redis had trouble
        with self._broker():
            record = self._registry.get_record(task_id)
        if record is None:
            raise self._unknown_task(task_id)
        warn_damaged([record])
        found = to_view(record)
        if isinstance(found.error, ResultExpired):
            raise found.error
        with self._broker():
            progress = document_progress(self._registry, record, found)
        return replace(found, document=progress) if progress else found

    def look_up_outline(self, task_id: str) -> TaskView:
        """Like `look_up`, but the text of a document that was read is not fetched: its `result` is None."""
        task_id = str(task_id)
        with self._broker():
            record = self._registry.get_outline(task_id)
        if record is None or record.progress.pages is None or STATUS_BY_CELERY_STATE[record.state] is Status.FAILED:
            return self.look_up(task_id)
        found = to_view(record)
        if isinstance(found.error, ResultExpired):
            raise found.error
        with self._broker():
            return replace(found, document=document_progress(self._registry, record, found))

    def page_results(self, document: TaskView) -> Iterator[ResultPage]:
        """What became of each page of a document, as it stands now, in their order. Holds the texts of few pages at once.

        Raises `BrokerUnavailable`, with any page.
        """
        assert document.document is not None
        pages = document.document.pages
        found = result_pages(self._registry, document.id, pages)
        while True:
            with self._broker():
                page = next(found, None)
            if page is None:
                return
            yield page

    def look_up_pages(self, document_id: str, *, page_range: str = "", after: int = 0, limit: int = 100) -> PagesView:
        """How the pages of a document stand: those in `page_range` ("" = all) behind page `after`, at most `limit`.

        Raises like `look_up`, `BadPageRange`, and `NotADocument` for a task that is none, or has not been opened yet.
        """
        document = self.look_up_outline(document_id)
        if document.document is None:
            raise NotADocument
        with self._broker():
            return page_views(self._registry, document, page_range=page_range, after=after, limit=limit)

    def look_up_page(self, document_id: str, number: int) -> TaskView:
        """How one page of a document stands. Raises like `look_up_pages`, and `TaskNotFound` for a page that it has not."""
        document = self.look_up_outline(document_id).document
        if document is None:
            raise NotADocument
        if number not in document.pages.numbers:
            raise TaskNotFound(
                f"Page {number} is none of those read of this document; its pages are listed at /ocr/{{id}}/pages."
            )
        return self.look_up(page_id(document_id, number))

    def look_up_batch(self, batch_id: str) -> BatchView:
        """How a batch and each of its tasks stand, in one round trip and one for 100 tasks.

        Raises `TaskNotFound`, `BrokerUnavailable`, and `ResultUnreadable` where the record that names its tasks cannot be
        read; that of one task is this task's error.
        """
        try:
            with self._broker():
                found = self._registry.get_batch(batch_id)
        except ValueError as exc:
            log.warning("record damaged: batch %s, %s", batch_id, exc)
            raise ResultUnreadable from None
        if found is None:
            raise self._unknown(
                batch_id, self.keys.task(batch_id), "It is a single page: /ocr/{id} or `client.look_up`."
            )
        created, records = found
        warn_damaged(record for _, _, record in records)
        items = tuple((url, to_view(record) if record else expired_view(tid, created)) for url, tid, record in records)
        updated = max((task.updated_at for _, task in items), default=created)
        return BatchView(id=batch_id, items=items, created_at=created, updated_at=updated)

    def _unknown_task(self, task_id: str) -> TaskNotFound:
        hint = "It is a batch: /ocr/batch/{id} or `client.look_up_batch`."
        return self._unknown(task_id, self.keys.batch(task_id), hint)

    def _unknown(self, id: str, otherwise: str, hint: str) -> TaskNotFound:
        """What to raise, saying so where the id is one of the other kind."""
        with self._broker():
            other = self.redis.exists(otherwise) and not self._cancellation.forgotten(id)
        return TaskNotFound(f"Task {id} not found" + (f". {hint.format(id=id)}" if other else ""))

    def wait(self, task_id: str, *, timeout: float) -> TaskView:
        """The task as soon as it is finished; raises `TimeoutError` if it is not after `timeout` seconds, else like `look_up`.

        Woken by Redis, in one thread for all that wait in this process; where it cannot subscribe, it asks now and then.
        """
        task = waiting.wait_for_task(self, str(task_id), seconds=timeout)
        if not task.status.final:
            raise TimeoutError(f"task {task_id} is still {task.status} after {timeout:g} s")
        return task

    def wait_batch(self, batch_id: str, *, timeout: float) -> BatchView:
        """The batch as soon as all its tasks are finished, else like `wait`. Raises like `look_up_batch`."""
        found = waiting.wait_for_batch(self, str(batch_id), seconds=timeout)
        if not found.status.final:
            raise TimeoutError(f"batch {batch_id} is still {found.status} after {timeout:g} s")
        return found
