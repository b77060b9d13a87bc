"""What holds of the service as a whole: its facade says how much is taken in, its workers how pages are read and kept.

Each says so in Redis (store/service_record.py), so that a client need not repeat the service's settings to do as it does.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ocr_celery.core.options import Options
from ocr_celery.errors import BadOption

Role = Literal["facade", "worker"]

RENEW_SECONDS = 60.0  #: seconds after which each says it again
FRESH_SECONDS = 3 * RENEW_SECONDS  #: seconds within which one that is there has said it again
KEEP_SECONDS = 86400  #: seconds for which it holds after the last that said it has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """What a client has to know of the service that it sends to."""

    queue_limit: int  #: unfinished tasks that are taken in (OCR_MAX_QUEUE_SIZE)
    task_ttl: int  #: seconds a result, and an image that waits for its task, is kept (OCR_TASK_TTL)
    options: Options  #: how a page is read whose sender names no option (OCR_DEFAULT_…)

    def record(self, *, now: float, queues: tuple[str, ...] = ()) -> str:
        """These facts as they are published. `now`: Unix seconds. `queues`: those that a worker reads."""
        told: dict[str, Any] = {"queue_limit": self.queue_limit, "task_ttl": self.task_ttl}
        return json.dumps({**told, "options": self.options.as_dict(), "queues": queues, "at": now})

    @classmethod
    def from_records(cls, records: Mapping[str, str | bytes], otherwise: Self, *, now: float) -> Self:
        """The facts of the service by what its parts have published; `otherwise` holds of what none of them has said.

        Where facade and worker disagree, the one that does the thing is right: the facade takes pages in, the worker
        reads them and keeps the results. A record that is no record says nothing.
        """
        facade, worker = (_read(records.get(role), now) for role in ("facade", "worker"))
        return cls(
            queue_limit=_whole((facade or worker).get("queue_limit"), otherwise.queue_limit),
            task_ttl=_whole((worker or facade).get("task_ttl"), otherwise.task_ttl),
            options=_options((worker or facade).get("options"), otherwise.options),
        )


def other_queues(record: str | bytes | None, queue: str, *, now: float) -> tuple[str, ...]:
    """The queues that the worker of this record reads, where it is there and reads `queue` not among them."""
    told = _read(record, now)
    queues = told.get("queues")
    if not isinstance(queues, list) or queue in queues or now - told["at"] > FRESH_SECONDS:
        return ()
    return tuple(map(str, queues))


def _read(record: str | bytes | None, now: float) -> dict[str, Any]:
    try:
        told = json.loads(record or "{}")
        return told if now - told["at"] < KEEP_SECONDS else {}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _whole(value: Any, otherwise: int) -> int:
    return value if type(value) is int and value > 0 else otherwise


def _options(value: Any, otherwise: Options) -> Options:
    try:
        return otherwise.updated(value) if isinstance(value, dict) else otherwise
    except BadOption:
        return otherwise
