"""How a task stands, in the four words that HTTP clients see, and the figures of a batch."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ocr_celery.errors import OcrError


class Status(StrEnum):
    """There are no others."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the task."""
        return self in (Status.COMPLETED, Status.FAILED)


#: Celery's states (celery.states), all of them
STATUS_BY_CELERY_STATE: Mapping[str, Status] = {
    "PENDING": Status.PENDING,
    "RECEIVED": Status.PENDING,
    "RETRY": Status.PENDING,
    "STARTED": Status.PROCESSING,
    "SUCCESS": Status.COMPLETED,
    "FAILURE": Status.FAILED,
    "REVOKED": Status.FAILED,
    "REJECTED": Status.FAILED,
    "IGNORED": Status.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """One task as it stands now. Times are Unix seconds."""

    id: str
    status: Status
    created_at: float
    updated_at: float
    result: Mapping[str, Any] | None = None  #: the result dict of a completed task, see `message.result_dict`
    error: OcrError | None = None  #: why a failed task failed
    source: str = ""  #: the file's name, or the URL without its secret parts; "" where it is not known
    attempts: int = 0  #: tries that have ended
    last_error: OcrError | None = None  #: why the last try that is to be repeated, or was, failed
    next_try_at: float | None = None  #: while it waits to be tried again
    position: int | None = None  #: while it waits in the queue: about how many tasks are before it


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """A batch and its tasks, in the order in which their URLs were given."""

    id: str
    items: tuple[tuple[Any, TaskView], ...]  #: (url as it was given, task)
    created_at: float
    updated_at: float

    @property
    def counts(self) -> Counter[Status]:
        """How many tasks stand at each status."""
        return Counter(task.status for _, task in self.items)

    @property
    def status(self) -> Status:
        """The status of the whole, see `batch_status`."""
        return batch_status(task.status for _, task in self.items)


def batch_status(statuses: Iterable[Status]) -> Status:
    """pending: nothing has started. completed: all are final and one at least is completed. failed: all failed."""
    counts = Counter(statuses)
    total = counts.total()
    if counts[Status.PENDING] == total:
        return Status.PENDING
    if counts[Status.FAILED] == total:
        return Status.FAILED
    if counts[Status.FAILED] + counts[Status.COMPLETED] == total:
        return Status.COMPLETED
    return Status.PROCESSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """How many tasks stand where, and what works on them. Finished tasks count until their results expire."""

    pending: int
    processing: int
    completed: int
    failed: int
    queue_limit: int  #: unfinished tasks the service takes at most (a batch may exceed it)
    workers: int  #: workers whose engine is loaded and alive

    @property
    def total(self) -> int:
        """All tasks the service knows of."""
        return self.pending + self.processing + self.completed + self.failed
