"""Which files a store keeps: those of open tasks, those of finished ones as long as their results, and uploads under way."""

from dataclasses import dataclass

from ocr_celery.core.status import FORGOTTEN, STATUS_BY_CELERY_STATE

UNCLAIMED_SECONDS = 3600.0  #: seconds that a file stays that no task has named yet: its upload may be under way


@dataclass(frozen=True, slots=True)
class LastChange:
    """How a task stood when its record changed last."""

    state: str  #: one of Celery's, or FORGOTTEN
    at: float  #: Unix seconds

    @property
    def final(self) -> bool:
        """Whether it will not change again. A state that we do not know is none."""
        status = STATUS_BY_CELERY_STATE.get(self.state)
        return self.state == FORGOTTEN or (status is not None and status.final)


def task_of(name: str) -> str:
    """The id of the task that a file belongs to: its name up to the first dot."""
    return name.partition(".")[0]


def is_kept(task: LastChange | None, file_changed_at: float, *, now: float, ttl: float) -> bool:
    """Whether a file stays. `task`: of its task, None where there is no record. `ttl`: seconds that a result is kept."""
    if task is None:
        return now - file_changed_at < UNCLAIMED_SECONDS
    return not task.final or now - task.at < ttl
