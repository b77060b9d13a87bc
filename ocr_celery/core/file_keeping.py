"""What a task's file is called in a store, and which files a store keeps.

Those of open tasks stay, those of finished ones as long as their results, and uploads under way.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from ocr_celery.core.status import FORGOTTEN, STATUS_BY_CELERY_STATE

UNCLAIMED_SECONDS = 3600.0  #: seconds that a file stays that no task has named yet: its upload may be under way
_NOT_IN_NAMES = re.compile(rb"^-|[^A-Za-z0-9-]")


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


def file_name_of(task_id: str) -> str:
    """What the file of a task is called. A sender of tasks may choose any id, but a name must not be a path or have a dot.

    A UUID is its own name.
    """
    return _NOT_IN_NAMES.sub(lambda found: b"_%02X" % found[0][0], task_id.encode(errors="replace")).decode()


def export_name_of(task_id: str, export_id: str) -> str:
    """What an export of a task is called: it belongs to the task, and goes with it."""
    return f"{file_name_of(task_id)}.{export_id}"


def task_of(name: str) -> str:
    """The id of the task that a file belongs to, from its name up to the first dot."""
    escaped = name.partition(".")[0].replace("%", "%25").replace("_", "%")
    return unquote_to_bytes(escaped).decode(errors="replace")


def needs_no_file(task: LastChange | None, *, keep: bool) -> bool:
    """Whether the file of a task that has just ended may go. `keep`: whether files stay as long as results."""
    return task is not None and task.final and not (keep and task.state == "SUCCESS")


def is_kept(task: LastChange | None, file_changed_at: float, *, now: float, ttl: float) -> bool:
    """Whether a file stays. `task`: of its task, None where there is no record. `ttl`: seconds that a result is kept."""
    if task is None:
        return now - file_changed_at < UNCLAIMED_SECONDS
    return not task.final or now - task.at < ttl
