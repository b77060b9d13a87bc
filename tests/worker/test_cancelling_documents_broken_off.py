"""Whatever breaks off the cancelling of a document, and after whichever step, doing it again finishes it."""

import itertools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Gone

from ocr_celery import cancelling
from ocr_celery.client import Client
from ocr_celery.consumer.document_assembly import assemble_document
from ocr_celery.core.document import MAX_TEXT, PageSet, page_id
from ocr_celery.core.lane_weights import BULK
from ocr_celery.core.status import Status
from ocr_celery.errors import BrokerUnavailable, Cancelled, NoPageRead, ResultTooLarge
from ocr_celery.store.registry import Registry
from tests.testlib.processes import RedisServer, keys

PAGES = PageSet(5, "1-3")
ASSEMBLY = '{"assembly": 1}'
READ = {"status": "SUCCESS", "result": {"text": "what was read"}}


def opened(registry: Registry, id: str, read: int = 0) -> str:
    """An open document of three pages, of which some were read."""
    registry.transition(id, "RECEIVED", now=1.0)
    about = {"assembly": ASSEMBLY, "kind": "pdf", "file": f"blob:{id}", "source": "a.pdf", "options": "{}"}
    known: dict[str, Any] = {"now": 2.0, "queue": keys.queue, "about": about, "meta": "{}", "meta_keep": 100}
    registry.documents.expand(id, PAGES, ["1", "2", "3"], file_in_redis=False, **known)
    registry.redis.delete(keys.lane(BULK), keys.queue)
    for number in range(1, read + 1):
        registry.transition(page_id(id, number), "SUCCESS", now=3.0, meta=json.dumps(READ), meta_keep=100)
    return id


def cancel(client: Client, id: str) -> None:
    cancelling.cancel_tasks(client, client._cancellation, [id])


def breaking_off(redis: Any, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """So many more round trips are answered."""
    left = iter(range(after))

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if next(left, None) is None:
                raise Gone
            return call(*args, **kwargs)

        return wrapped

    def pipeline(*args: Any, **kwargs: Any) -> Any:
        pipe = make(*args, **kwargs)
        pipe.execute = counted(pipe.execute)
        return pipe

    make = redis.pipeline
    monkeypatch.setattr(redis, "pipeline", pipeline)
    monkeypatch.setattr(redis, "execute_command", counted(redis.execute_command))


@pytest.mark.parametrize("read", [0, 1])
def test_it_is_finished_when_it_is_asked_again(
    client: Client, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, read: int
) -> None:
    registry = client._registry
    for after in itertools.count():
        id = opened(registry, f"document-{after}", read)
        with monkeypatch.context() as broken:
            breaking_off(client._cancellation.redis, broken, after)
            try:
                cancel(client, id)
                is_done = True
            except (Gone, BrokerUnavailable):
                is_done = False
        cancel(client, id)
        view = client.look_up(id)
        assert view.status is (Status.COMPLETED if read else Status.FAILED), f"after {after} round trips"
        assert registry.documents.states(id, PAGES) == ["SUCCESS"] * read + ["REVOKED"] * (3 - read)
        assert redis.client.lrange(keys.queue, 0, -1) == [ASSEMBLY.encode()], "a chord counts it once"
        if is_done:
            break
    assert after > 3
    for id in registry.documents.unsettled():  # as a sweep does
        registry.documents.settle(id, meta_keep=100)
    names = [*redis.client.scan_iter("{[]ocr}:*:*-*"), *redis.client.scan_iter("celery-task*")]
    assert [name for name in names if redis.client.ttl(name) == -1] == []


def test_a_full_redis_allows_it(client: Client, redis: RedisServer) -> None:
    id = opened(client._registry, "document")
    redis.client.config_set("maxmemory", 1)
    try:
        cancel(client, id)
    finally:
        redis.client.config_set("maxmemory", 0)
    assert client.look_up(id).status is Status.FAILED
    assert redis.client.lrange(keys.queue, 0, -1) == [ASSEMBLY.encode()]


def test_a_page_whose_record_was_lost_does_not_hold_up_the_assembly(client: Client, redis: RedisServer) -> None:
    id = opened(client._registry, "document")
    redis.client.delete(keys.task(page_id(id, 2)))
    cancel(client, id)
    assert redis.client.lrange(keys.queue, 0, -1) == [ASSEMBLY.encode()]


@pytest.mark.parametrize(("is_cancelled", "error"), [(True, Cancelled), (False, NoPageRead)])
def test_a_worker_that_assembles_it_meanwhile_says_that_it_was_cancelled(
    client: Client, is_cancelled: bool, error: type[Exception]
) -> None:
    registry, id = client._registry, opened(client._registry, "document")
    if is_cancelled:
        assert registry.documents.mark_cancelled(id)
    for page in PAGES.ids(id):
        registry.transition(page, "REVOKED", now=3.0, meta=json.dumps({"status": "REVOKED"}), meta_keep=100)
    run: Any = SimpleNamespace(id=id)
    with pytest.raises(error):
        assemble_document(run, registry.documents)


def test_a_document_whose_text_is_too_long_for_one_result_fails_and_its_pages_stay(client: Client) -> None:
    registry, id = client._registry, opened(client._registry, "document")
    huge = {"status": "SUCCESS", "result": {"text": "x" * (MAX_TEXT // 2)}}
    for page in PAGES.ids(id):
        registry.transition(page, "SUCCESS", now=3.0, meta=json.dumps(huge), meta_keep=100)
    run: Any = SimpleNamespace(id=id)
    with pytest.raises(ResultTooLarge):
        assemble_document(run, registry.documents)
    cancel(client, id)
    assert client.look_up(id).status is Status.FAILED
    assert registry.documents.states(id, PAGES) == ["SUCCESS"] * 3
