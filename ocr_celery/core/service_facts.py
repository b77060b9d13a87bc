"""Settings that a client must share with the service: the facade publishes its limits, workers how they read and store.

Both publish to Redis (store/service_record.py), so that a client need not repeat the service's settings.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from ocr_celery.core.options import Options
from ocr_celery.errors import BadOption

Role = Literal["facade", "worker"]

RENEW_SECONDS = 60.0  #: seconds between two publications
FRESH_SECONDS = 3 * RENEW_SECONDS  #: seconds; a record older than this is of a process that is gone
KEEP_SECONDS = 86400  #: seconds for which the last record of a process that is gone stays valid


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """The settings of a service that its clients need."""

    queue_limit: int  #: unfinished tasks above which new ones are refused (OCR_MAX_QUEUE_SIZE)
    task_ttl: int  #: seconds for which results and stored images are kept (OCR_TASK_TTL)
    options: Options  #: defaults of the options (OCR_DEFAULT_…)
    store: str = "redis:"  #: where uploaded files lie (OCR_STORE)

    def record(self, *, now: float, queues: tuple[str, ...] = ()) -> str:
        """The JSON that is published. `now`: Unix seconds. `queues`: those that a worker consumes."""
        fields: dict[str, Any] = {"queue_limit": self.queue_limit, "task_ttl": self.task_ttl, "store": self.store}
        return json.dumps({**fields, "options": self.options.as_dict(), "queues": queues, "at": now})

    @classmethod
    def from_records(cls, records: Mapping[str, str | bytes], otherwise: Self, *, now: float) -> Self:
        """The facts that facade and worker published; `otherwise` supplies what neither did.

        Where the records disagree, the queue limit is the facade's, and the other facts are the worker's, because it
        reads the pages and stores the results. An invalid record is ignored.
        """
        facade, worker = (_parse_record(records.get(role), now) for role in ("facade", "worker"))
        return cls(
            queue_limit=_positive_or_default((facade or worker).get("queue_limit"), otherwise.queue_limit),
            task_ttl=_positive_or_default((worker or facade).get("task_ttl"), otherwise.task_ttl),
            options=_options_or_default((worker or facade).get("options"), otherwise.options),
            store=str((worker or facade).get("store", "redis:")),
        )


def other_queues(record: str | bytes | None, queue: str, *, now: float) -> tuple[str, ...]:
    """The queues of a live worker's record if `queue` is not among them, else ()."""
    fields = _parse_record(record, now)
    queues = fields.get("queues")
    if not isinstance(queues, list) or queue in queues or now - fields["at"] > FRESH_SECONDS:
        return ()
    return tuple(map(str, queues))


def _parse_record(record: str | bytes | None, now: float) -> dict[str, Any]:
    try:
        fields = json.loads(record or "{}")
        return fields if now - fields["at"] < KEEP_SECONDS else {}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _positive_or_default(value: Any, otherwise: int) -> int:
    return value if type(value) is int and value > 0 else otherwise


def _options_or_default(value: Any, otherwise: Options) -> Options:
    try:
        return otherwise.updated(value) if isinstance(value, dict) else otherwise
    except BadOption:
        return otherwise
