"""Celery's remote control, in which revoking a batch or a document revokes its pages.

What collects or assembles them still runs when all pages are final, and says which were read.
"""

import logging
from typing import Any

from celery.utils.functional import maybe_list
from celery.worker import control
from celery.worker.control import control_command
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


@control_command(name="revoke", variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **kwargs: Any) -> Any:
    """Revoke tasks by id, and all pages of a batch by the batch's."""
    return control.revoke(state, _pages(state, task_id), terminate, signal, **kwargs)


@control_command(
    name="terminate", variadic="task_id", args=[("signal", str)], signature="<signal> [id1 [id2 [... [idN]]]]"
)
def terminate(state: Any, signal: Any, task_id: Any, **kwargs: Any) -> Any:
    """Terminate tasks by id, and all pages of a batch by the batch's."""
    return revoke(state, task_id, terminate=True, signal=signal, **kwargs)


def _pages(state: Any, given: Any) -> list[str]:
    """The ids, each of a batch replaced by those of its tasks, and each of a document by those of its pages."""
    ids = [str(id) for id in maybe_list(given) or []]
    registry = state.app.backend.registry
    try:
        batches = registry.batch_task_ids(ids)
        tasks = [task for id in ids for task in batches.get(id, [id])]
        documents = registry.documents.page_ids_by_document(tasks)
    except RedisError as exc:
        log.warning("could not look up the pages of a batch or document to revoke: %s", exc)
        return ids
    return [page for id in tasks for page in documents.get(id, [id])]
