"""How a client cancels and forgets: first the step in Redis, which needs no worker, then a word to the workers."""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ocr_celery import message
from ocr_celery.errors import StoreUnavailable
from ocr_celery.store.cancellation import Cancellation
from ocr_celery.transport.revocation import broadcast_revocation

if TYPE_CHECKING:
    from ocr_celery.client import Client

log = logging.getLogger(__name__)


def cancel_tasks(client: "Client", cancellation: Cancellation, ids: Sequence[str]) -> None:
    """Make those of these tasks that are open final, and have the workers drop those that they hold. Raises `RedisError`."""
    now = time.time()
    record = partial(message.revoked_record, now=now)
    held = cancellation.cancel(ids, record, now=now, meta_keep=client.facts.task_ttl)
    broadcast_revocation(client.redis, client.app, held)


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
        store.delete(task_id)
    except (StoreUnavailable, ValueError) as exc:  # an id that somebody made up may be no name of a file
        log.warning("the file of a cancelled task is left to the sweeper: task %s, %s", task_id, exc)


def forget_task(client: "Client", cancellation: Cancellation, task_id: str) -> bool:
    """Cancel a task and leave nothing of it. Whether it was known, or forgotten before. Raises `RedisError`."""
    if not cancellation.states([task_id]):
        return False
    cancel_tasks(client, cancellation, [task_id])
    cancellation.forget([task_id])
    _delete_file(client, cancellation, task_id)
    return True


def forget_batch(client: "Client", cancellation: Cancellation, batch_id: str) -> bool:
    """The same for a batch and its tasks."""
    pages = cancellation.registry.pages_of([batch_id]).get(batch_id)
    if pages is None:
        return cancellation.forgotten(batch_id)
    cancel_tasks(client, cancellation, pages)
    cancellation.forget_batch(batch_id, pages)
    return True
