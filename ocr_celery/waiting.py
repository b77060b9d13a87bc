"""Waits until a task or batch is final: looks when it may have changed, and every few seconds anyway."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.export_status import ExportStatus
from ocr_celery.core.status import BatchView, TaskView

if TYPE_CHECKING:
    from ocr_celery.exporting import Exporting
    from ocr_celery.lookup import Lookup

GoOn = Callable[[], bool]


def _always() -> bool:
    return True


def wait_for_task(client: "Lookup", task_id: str, *, seconds: float, go_on: GoOn = _always) -> TaskView:
    """The task as soon as it is final, else as it stands after so many seconds, or when `go_on` says no (asked once a second).

    Raises like `Client.look_up`.
    """
    deadline = time.monotonic() + seconds
    with client.changes.watch([task_id]) as watch:
        task = client.look_up(task_id)
        while not task.status.final and watch.pause(deadline, go_on):
            # a document changes with each of its pages, and to look it up costs as much as all of them
            if watch.take_changed() is None or client.final_among([task_id]):
                task = client.look_up(task_id)
        return task if task.status.final else client.look_up(task_id)


def wait_for_batch(client: "Lookup", batch_id: str, *, seconds: float, go_on: GoOn = _always) -> BatchView:
    """The batch as soon as all its tasks are final, else like `wait_for_task`. Raises like `Client.look_up_batch`."""
    deadline = time.monotonic() + seconds
    with client.changes.watch(client.task_ids(batch_id)) as watch:
        batch = client.look_up_batch(batch_id)
        unfinished = _unfinished(batch)
        while unfinished and watch.pause(deadline, go_on):
            changed = watch.take_changed()
            if changed is not None:  # of a thousand pages, only those that have changed are asked for
                unfinished -= client.final_among(sorted(changed & unfinished))
            if changed is None or not unfinished:
                batch = client.look_up_batch(batch_id)
                unfinished = _unfinished(batch)
        return client.look_up_batch(batch_id) if unfinished else batch


def wait_for_export(
    client: "Exporting", export: ExportRequest, *, seconds: float, go_on: GoOn = _always
) -> ExportStatus:
    """The export as soon as it is made or failed, else like `wait_for_task`. Raises like `Client.request_export`."""
    deadline = time.monotonic() + seconds
    with client.changes.watch([export.id]) as watch:
        found = client.request_export(export)
        while not found.status.final and watch.pause(deadline, go_on):
            watch.take_changed()
            found = client.request_export(export)
        return found


def _unfinished(batch: BatchView) -> set[str]:
    return {task.id for _, task in batch.items if not task.status.final}
