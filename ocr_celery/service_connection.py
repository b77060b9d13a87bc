"""The connection to one service: its settings, its Redis, and what it says of itself there."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from ocr_celery.core.options import Options
from ocr_celery.core.service_facts import ServiceFacts
from ocr_celery.errors import BrokerUnavailable
from ocr_celery.settings import Settings
from ocr_celery.store import connect
from ocr_celery.store.cancellation import Cancellation
from ocr_celery.store.change_feed import ChangeFeed
from ocr_celery.store.files.contract import FileStore
from ocr_celery.store.files.opening import open_store
from ocr_celery.store.keys import Keys
from ocr_celery.store.redis_errors import explain_refusal
from ocr_celery.store.registry import Registry
from ocr_celery.store.service_record import ServiceRecord

if TYPE_CHECKING:
    from celery import Celery
    from redis import Redis

log = logging.getLogger(__name__)

_NO_ADDRESS = "OCR_REDIS_URL or REDIS_URL is not the address of a Redis; expected redis://HOST:6379/0, rediss://… or redis+socket:///path."
_NO_REDIS = "No Redis answers at {}. REDIS_URL, which says where the service's Redis is, is not set."


class ServiceConnection:
    """Safe to share between threads; opens a small pool of connections on first use.

    `settings`: where the service is, and what holds as long as it has not said otherwise in Redis. `service`: they are the
    service's own, as they are in its facade, and hold whatever another part of it says.
    """

    def __init__(self, settings: Settings, *, service: bool = False) -> None:
        self.settings = settings
        self.keys = Keys(settings.queue)
        self.changes = ChangeFeed(lambda: self.redis, self.keys.changes)
        self._own, self._is_service = settings.facts(), service
        self._warned = False  # that its store is not the service's

    @cached_property
    def app(self) -> "Celery":
        """A Celery application of these settings, for whatever this class does not cover: its Redis, its queue."""
        from ocr_celery.celery import client_app

        return client_app(self.settings)

    @cached_property
    def redis(self) -> "Redis":
        """The connection pool to Redis. Raises `BrokerUnavailable` where the address is not valid."""
        try:
            return connect(self.settings.redis_address)
        except ValueError:
            raise BrokerUnavailable(_NO_ADDRESS) from None

    @cached_property
    def _registry(self) -> Registry:
        return Registry(self.redis, self.keys, keep=2 * self.settings.task_ttl)

    @cached_property
    def _cancellation(self) -> Cancellation:
        return Cancellation(self._registry)

    @cached_property
    def record(self) -> ServiceRecord:
        """What the service says of itself in Redis."""
        return ServiceRecord(self.redis, self.keys.service)

    @property
    def facts(self) -> ServiceFacts:
        """What holds of the service, as it has said within the last minute. Raises `BrokerUnavailable`."""
        if self._is_service:
            return self._own
        with self._broker():
            return self.record.facts(self._own)

    def task_ids(self, batch_id: str) -> list[str]:
        """The ids of a batch's tasks; none where it is no batch. Raises `BrokerUnavailable`."""
        with self._broker():
            return self._registry.batch_task_ids([batch_id]).get(batch_id, [])

    def final_among(self, task_ids: Sequence[str]) -> set[str]:
        """Those of these tasks that are final, or no longer known. Raises `BrokerUnavailable`."""
        with self._broker():
            return self._registry.final_among(task_ids)

    @property
    def defaults(self) -> Options:
        """How the service reads a page whose sender names no option. Raises `BrokerUnavailable`."""
        return self.facts.options

    @property
    def upload_store(self) -> FileStore | None:
        """Where uploaded files go before they are admitted; None: into Redis, together with their admission.

        A process of another service uses the service's store only where its own OCR_STORE names the same.
        Raises `BrokerUnavailable`.
        """
        store = self._store
        if store.in_redis or self._is_service:
            return None if store.in_redis else store
        named, actual = self.settings.store_address, self.facts.store
        if named == actual:
            return store
        if not self._warned:
            self._warned = True
            log.warning("OCR_STORE=%s is not the store of the service, %s: files are sent through Redis", named, actual)
        return None

    @cached_property
    def _store(self) -> FileStore:
        return open_store(self.settings.store_address, self.redis, self.keys)

    @contextmanager
    def _broker(self) -> Iterator[None]:
        """Redis away or refusing, in whichever library it shows."""
        try:
            yield
        except (RedisError, OperationalError, ConnectionError) as exc:
            said = explain_refusal(exc)
            if not said and not self.settings.redis_url:
                said = _NO_REDIS.format(self.settings.redis_address)
            raise BrokerUnavailable(said) from exc
