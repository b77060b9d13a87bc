"""Cancels and forgets tasks for a client: first one step in Redis, which needs no worker, then a broadcast to the workers.

A document is cancelled page by page. The last page queues its assembly, whose message has the links and the chord of the
document. The document ends at once: completed with the pages that were read, or revoked. It stays open until then, so that
an interrupted call can be repeated.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ocr_celery import task_results
from ocr_celery.core.document import PageSet, assemble, bounded_results
from ocr_celery.core.file_keeping import export_name_of, file_name_of
from ocr_celery.errors import OcrError, ResultTooLarge, StoreUnavailable
from ocr_celery.store.cancellation import Cancellation
from ocr_celery.store.documents import Documents, PageOf
from ocr_celery.store.exports import Exports
from ocr_celery.transport.revocation import broadcast_revocation

if TYPE_CHECKING:
    from ocr_celery.client import Client

log = logging.getLogger(__name__)

_TASKS_PER_TRIP = 500


def cancel_tasks(client: "Client", cancellation: Cancellation, ids: Sequence[str]) -> None:
    """Make those of these tasks that are open final, and have the workers drop those that they hold. Raises `RedisError`."""
    now = time.time()
    known: dict[str, Any] = {"now": now, "meta_keep": client.facts.task_ttl}
    held, documents = cancellation.cancel(ids, partial(task_results.revoked_record, now=now), **known)
    for id in documents:
        held += _cancel_document(cancellation, id, **known)
    broadcast_revocation(client.redis, client.app, held)


def _cancel_document(cancellation: Cancellation, id: str, *, now: float, meta_keep: int) -> list[str]:
    """Cancel the open pages of a document; complete it with the pages that were read, or revoke it if there are none.

    Returns the ids of the pages that a worker may hold.
    """
    registry, documents = cancellation.registry, cancellation.registry.documents
    pages = documents.pages(id)
    if pages is None or not documents.mark_cancelled(id):
        return []
    queue = documents.queue(id)
    page_of = {page: PageOf(id, number, queue) for page, number in zip(pages.ids(id), pages.numbers, strict=True)}
    known: dict[str, Any] = {"now": now, "meta_keep": meta_keep}
    held = cancellation.cancel(
        list(page_of), partial(task_results.revoked_record, now=now), page_of=page_of, **known
    ).held
    result = _partial_result(documents, id, pages)
    if result is None:
        state, record = "REVOKED", task_results.revoked_record(id, now=now)
    else:
        state, record = "SUCCESS", task_results.completed_record(id, result, now)
    registry.transition(id, state, meta=record, ends_document=True, **known)
    documents.settle(id, meta_keep=meta_keep)
    return held


def _partial_result(documents: Documents, id: str, pages: PageSet) -> dict[str, Any] | None:
    """The result of those pages that were read; None where there are none, or their text is too long for one."""
    try:
        results = bounded_results(documents.results(id, pages.numbers))
    except ResultTooLarge:
        return None
    is_read = any(not isinstance(page.result, OcrError) for page in results)
    return assemble(pages, results) if is_read else None


def cancel_task(client: "Client", cancellation: Cancellation, task_id: str) -> None:
    """The same for one task, whose uploaded file goes at once. Raises `RedisError`."""
    cancel_tasks(client, cancellation, [task_id])
    _delete_file(client, cancellation, task_id)


def _delete_file(client: "Client", cancellation: Cancellation, task_id: str) -> None:
    """Redis deleted it with the step; elsewhere the sweeper deletes what is left here, as where the store is away."""
    store = client.upload_store
    if store is None or not cancellation.cancelled([task_id]):
        return
    try:
        store.delete(file_name_of(task_id))
    except StoreUnavailable as exc:
        log.warning("file not deleted: cancelled task %s, left to the sweeper: %s", task_id, exc)


def _delete_files(client: "Client", cancellation: Cancellation, ids: Sequence[str]) -> None:
    """Delete the files of tasks that are forgotten, and what was made of their results."""
    exports = Exports(cancellation.registry.redis, cancellation.registry.keys, keep=client.facts.task_ttl)
    names = [export_name_of(*found) for found in exports.take_all(ids)]
    names += map(file_name_of, ids)
    store = client.upload_store
    if store is None:
        return
    try:
        store.delete(*names)
    except StoreUnavailable as exc:
        log.warning("the files of %d forgotten tasks are left to the sweeper: %s", len(ids), exc)


def forget_task(client: "Client", cancellation: Cancellation, task_id: str) -> bool:
    """Cancel a task and leave nothing of it. Whether it was known, or forgotten before. Raises `RedisError`."""
    if not cancellation.states([task_id]):
        return False
    cancel_tasks(client, cancellation, [task_id])
    _forget_all(cancellation, [task_id])
    _delete_files(client, cancellation, [task_id])
    return True


def forget_batch(client: "Client", cancellation: Cancellation, batch_id: str) -> bool:
    """The same for a batch and its tasks."""
    tasks = cancellation.registry.batch_task_ids([batch_id]).get(batch_id)
    if tasks is None:
        return cancellation.forgotten(batch_id)
    cancel_tasks(client, cancellation, tasks)
    _forget_all(cancellation, tasks)
    _delete_files(client, cancellation, tasks)
    cancellation.forget_batch(batch_id)
    return True


def _forget_all(cancellation: Cancellation, ids: Sequence[str]) -> None:
    """Pages first, as their documents name them: until the end it can be repeated."""
    documents = cancellation.registry.documents
    for part in _slices(ids):
        for id, pages in documents.page_ids_by_document(part).items():
            cancellation.forget(pages)
            documents.forget(id)
        cancellation.forget(part)


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + _TASKS_PER_TRIP] for at in range(0, len(ids), _TASKS_PER_TRIP))
