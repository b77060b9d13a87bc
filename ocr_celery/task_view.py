"""From the record of a task to what its sender sees."""

import logging
from collections.abc import Iterable
from typing import Any

from ocr_celery.core.status import STATUS_BY_CELERY_STATE, Status, TaskView
from ocr_celery.errors import OcrError, ResultExpired, ResultUnreadable, public_error
from ocr_celery.store.records import Record, stored_error

log = logging.getLogger(__name__)


def to_view(record: Record) -> TaskView:
    """One task as its sender sees it. A record that cannot be read is a failed task that says so."""
    progress = record.progress
    status, result, error = _stands(record)
    return TaskView(
        id=record.id,
        status=status,
        created_at=record.created_at,
        updated_at=record.updated_at,
        result=result,
        error=error,
        source=progress.source,
        attempts=progress.attempts,
        last_error=public_error(*progress.last_error) if progress.last_error else None,
        next_try_at=None if status.final else progress.next_try_at,
        position=None if status.final else progress.position,
    )


def expired_view(id: str, created: float) -> TaskView:
    """A task of a batch whose record is no longer kept."""
    return TaskView(id=id, status=Status.FAILED, created_at=created, updated_at=created, error=ResultExpired())


def warn_damaged(records: Iterable[Record | None]) -> None:
    """One line for all that cannot be read."""
    damaged = [record for record in records if record is not None and record.damaged]
    if damaged:
        log.warning("records damaged: %d tasks; of %s: %s", len(damaged), damaged[0].id, damaged[0].damaged)


def _stands(record: Record) -> tuple[Status, dict[str, Any] | None, OcrError | None]:
    """Status, and what came of it."""
    if record.damaged:
        return Status.FAILED, None, ResultUnreadable()
    meta = record.meta or {}
    # the registry and Celery's record change together, but for a task that only Celery knows to be finished
    status = STATUS_BY_CELERY_STATE.get(meta.get("status", ""), Status.PENDING)
    if not status.final:
        status = STATUS_BY_CELERY_STATE[record.state]
    if status.final and not meta:
        return Status.FAILED, None, ResultExpired()
    if status is Status.FAILED:
        return status, None, stored_error(meta)
    return status, meta.get("result") if status is Status.COMPLETED else None, None
