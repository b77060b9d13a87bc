"""A document's password is deleted as soon as nothing needs it any more, and after a week whatever happens."""

import json

import pytest

from ocr_celery.client import Client
from ocr_celery.core.document import PageSet
from ocr_celery.store import passwords
from ocr_celery.store.cancellation import Cancellation
from ocr_celery.store.registry import Registry
from tests.testlib.processes import RedisServer, keys, png


@pytest.fixture
def registry(redis: RedisServer) -> Registry:
    return Registry(redis.client, keys, keep=200)


def stored(registry: Registry) -> list[bytes]:
    """The keys of all passwords."""
    return list(registry.redis.scan_iter(keys.password("*")))


@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED"])
def test_it_goes_when_its_task_ends_whether_it_became_a_document_or_not(
    client: Client, registry: Registry, state: str
) -> None:
    id, other = (client.submit_document(png(), password="secret") for _ in range(2))
    registry.transition(id, "RETRY", now=1.0)
    assert registry.redis.exists(keys.password(id))
    registry.transition(id, state, now=2.0, meta=json.dumps({"status": state}))
    assert stored(registry) == [keys.password(other).encode()]


def test_it_goes_with_a_task_that_is_cancelled_or_forgotten_before_it_was_opened(
    client: Client, registry: Registry
) -> None:
    cancelled, forgotten, *old = (client.submit_document(png(), password="secret") for _ in range(4))
    client.cancel(cancelled)
    client.forget(forgotten)
    Cancellation(registry).forget(old)
    assert stored(registry) == []


def test_that_of_a_batch_stays_until_the_batch_ends_or_is_forgotten(client: Client, registry: Registry) -> None:
    ended, forgotten = (client.submit_batch(["http://a/", "http://b/"], password="secret") for _ in range(2))
    for id in client.task_ids(ended):
        registry.transition(id, "SUCCESS", now=1.0)
    assert len(stored(registry)) == 2
    registry.end_batch(ended)
    assert stored(registry) == [keys.password(forgotten).encode()]
    client.forget_batch(forgotten)
    assert stored(registry) == []


def test_its_week_is_not_prolonged_by_use(client: Client, registry: Registry) -> None:
    id = client.submit_document(png(), password="secret")
    registry.redis.expire(keys.password(id), 60)
    assert passwords.resolve(registry.redis, keys, passwords.reference(id)) == "secret"
    known = {"now": 1.0, "queue": keys.queue, "meta": "{}", "meta_keep": 100, "file_in_redis": True}
    registry.documents.expand(id, PageSet(2, "1-2"), ["one", "two"], **known, about={"options": "{}"}, password=id)
    assert 0 < registry.redis.ttl(keys.password(id)) <= 60
