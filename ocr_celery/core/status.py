"""The status of a task in the four words that HTTP clients see, and the status of a batch."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ocr_celery.errors import OcrError

if TYPE_CHECKING:
    from ocr_celery.core.document import DocumentProgress


class Status(StrEnum):
    """The status of a task, or of a batch."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether the status will not change any more."""
        return self in (Status.COMPLETED, Status.FAILED)


FORGOTTEN = "FORGOTTEN"  #: the state of a tombstone: a task's sender had it forgotten, and nothing revives it
#: the state of a document whose pages are known and not all final; it needs no message meanwhile
EXPANDED = "EXPANDED"

#: every state of celery.states, and EXPANDED
STATUS_BY_CELERY_STATE: Mapping[str, Status] = {
    "PENDING": Status.PENDING,
    "RECEIVED": Status.PENDING,
    "RETRY": Status.PENDING,
    "STARTED": Status.PROCESSING,
    EXPANDED: Status.PROCESSING,
    "SUCCESS": Status.COMPLETED,
    "FAILURE": Status.FAILED,
    "REVOKED": Status.FAILED,
    "REJECTED": Status.FAILED,
    "IGNORED": Status.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A snapshot of one task. Times are Unix seconds."""

    id: str
    status: Status
    created_at: float
    updated_at: float
    result: Mapping[str, Any] | None = None  #: the result dict of a completed task, see `task_results.result_dict`
    error: OcrError | None = None  #: why a failed task failed
    source: str = ""  #: the file name, or the URL without its secret parts; "" if unknown
    attempts: int = 0  #: attempts that ended
    last_error: OcrError | None = None  #: why the last attempt that was followed by a retry failed
    next_try_at: float | None = None  #: while a retry is scheduled
    position: int | None = None  #: while queued: about how many tasks are ahead
    document: "DocumentProgress | None" = None  #: of a document of several pages, once it was opened


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """A snapshot of a batch and its tasks, in the order of the URLs given."""

    id: str
    items: tuple[tuple[Any, TaskView], ...]  #: (URL as given, task)
    created_at: float
    updated_at: float

    @property
    def counts(self) -> Counter[Status]:
        """The number of tasks of each status."""
        return Counter(task.status for _, task in self.items)

    @property
    def status(self) -> Status:
        """The status of the batch, see `batch_status`."""
        return batch_status(task.status for _, task in self.items)


def batch_status(statuses: Iterable[Status]) -> Status:
    """pending: no task has started. completed: all are final, at least one completed. failed: all failed. Else processing."""
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
    """Numbers of tasks by status, and of workers. Finished tasks count until their results expire."""

    pending: int
    processing: int
    completed: int
    failed: int
    queue_limit: int  #: unfinished tasks above which new ones are refused (a batch may exceed it)
    workers: int  #: workers with a loaded, live engine

    @property
    def total(self) -> int:
        """All tasks known to the service."""
        return self.pending + self.processing + self.completed + self.failed
