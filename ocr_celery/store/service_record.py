"""The service's facts in Redis, published by facade and workers and read by clients: one hash with a field for each role."""

import logging
import threading
import time
from collections.abc import Callable
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from ocr_celery.core.service_facts import KEEP_SECONDS, RENEW_SECONDS, Role, ServiceFacts, other_queues

log = logging.getLogger(__name__)

_AGAIN = 5.0  #: seconds until the next attempt, after an error or where no record was found


class ServiceRecord:
    """The record in one Redis, under one key. Safe to share between threads."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis, self._key = redis, key
        self._known: tuple[float, ServiceFacts] | None = None  # until when, by `time.monotonic`

    def publish(self, role: Role, record: str) -> None:
        """Publish the record of a role. Raises `RedisError`."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(self._key, role, record)
            pipe.expire(self._key, KEEP_SECONDS)
            pipe.execute()

    def start_publishing(self, role: Role, record: Callable[[float], str]) -> None:
        """Publish repeatedly, in a daemon thread; `record` gets the time and returns what to publish."""
        threading.Thread(
            target=self._publish_repeatedly, args=(role, record), name="service-record", daemon=True
        ).start()

    def _publish_repeatedly(self, role: Role, record: Callable[[float], str]) -> None:
        while True:
            try:
                self.publish(role, record(time.time()))
                time.sleep(RENEW_SECONDS)
            except RedisError as exc:
                log.debug("could not publish the service record: %s", exc)
                time.sleep(_AGAIN)

    def facts(self, otherwise: ServiceFacts) -> ServiceFacts:
        """The published facts, or `otherwise`. At most one round trip a minute once they are known.

        Raises `RedisError`.
        """
        if self._known and time.monotonic() < self._known[0]:
            return self._known[1]
        found = cast(dict[bytes, bytes], self._redis.hgetall(self._key))
        records = {role.decode(): record for role, record in found.items()}
        facts = ServiceFacts.from_records(records, otherwise, now=time.time())
        self._known = (time.monotonic() + (RENEW_SECONDS if records else _AGAIN), facts)
        return facts

    def queues_read_instead(self, queue: str, *, now: float) -> tuple[str, ...]:
        """The queues that a live worker reads, if `queue` is not among them. Raises `RedisError`."""
        return other_queues(cast(bytes | None, self._redis.hget(self._key, "worker")), queue, now=now)
