"""Asks Redis, just before pages enter the engine, which of them were cancelled: a worker may miss the broadcast that says so."""

import logging
from collections.abc import Sequence

from redis.exceptions import RedisError

from ocr_celery.store.cancellation import Cancellation
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)


class CancelledPages:
    """Which pages of this worker were cancelled. Safe to use from any thread."""

    def __init__(self, registry: Registry) -> None:
        self._cancellation = Cancellation(registry)

    def find(self, ids: Sequence[str]) -> set[str]:
        """Those of these tasks that were cancelled; none where Redis does not answer: they are read, and not stored."""
        try:
            return self._cancellation.cancelled(ids)
        except RedisError as exc:
            log.warning("could not look up which of %d pages were cancelled: %s", len(ids), exc)
            return set()
