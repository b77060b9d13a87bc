"""Where facade and workers say what holds of the service, for clients to read: one hash, a field for each kind of them."""

import logging
import threading
import time
from collections.abc import Callable
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from ocr_celery.core.service_facts import KEEP_SECONDS, RENEW_SECONDS, Role, ServiceFacts, other_queues

log = logging.getLogger(__name__)

_AGAIN = 5.0  #: seconds until a Redis that was away is told, or one that knew nothing is asked


class ServiceRecord:
    """The record in one Redis, under one key. Safe to share between threads."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis, self._key = redis, key
        self._known: tuple[float, ServiceFacts] | None = None  # until when, by `time.monotonic`

    def publish(self, role: Role, record: str) -> None:
        """Say what holds. Raises `RedisError`."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(self._key, role, record)
            pipe.expire(self._key, KEEP_SECONDS)
            pipe.execute()

    def start_publishing(self, role: Role, record: Callable[[float], str]) -> None:
        """Say it now and again, in a thread of its own that ends with the process; `record` is asked with the time."""
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
        """What holds of the service, or `otherwise`. At most one round trip a minute, where anything has been said of it.

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
        """The queues that a worker which is there reads, and `queue` is not among them. Raises `RedisError`."""
        return other_queues(cast(bytes | None, self._redis.hget(self._key, "worker")), queue, now=now)
