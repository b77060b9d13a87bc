"""The steps of Redis that open, complete and settle a document: each is taken whole, and taking it again changes nothing."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from celery.app.task import Context
from celery.backends.redis import RedisBackend

from ocr_celery.client import Client
from ocr_celery.core.document import PageSet, page_id
from ocr_celery.core.lane_weights import BULK
from ocr_celery.core.quarantine import CrashHistory
from ocr_celery.core.status import EXPANDED, Status
from ocr_celery.errors import NoPageRead
from ocr_celery.message import ASSEMBLE, DOCUMENT
from ocr_celery.store import documents
from ocr_celery.store.cancellation import Cancellation
from ocr_celery.store.documents import PageOf
from ocr_celery.store.registry import Registry
from tests.testlib.processes import RedisServer, keys

PAGES = PageSet(5, "1-3")
ASSEMBLY = '{"assembly": 1}'
META = {"status": "STARTED", "result": None}


@pytest.fixture
def registry(redis: RedisServer) -> Registry:
    return Registry(redis.client, keys, keep=200)


def receive(registry: Registry, id: str = "d") -> None:
    assert registry.transition(id, "RECEIVED", now=1.0) is not None


def expand(registry: Registry, id: str = "d", pages: PageSet = PAGES, **more: Any) -> int:
    known: dict[str, Any] = {"now": 2.0, "queue": keys.queue, "meta": json.dumps(META), "meta_keep": 100}
    known |= {"about": {"assembly": ASSEMBLY, "kind": "pdf", "file": f"blob:{id}", "source": "a.pdf", "options": "{}"}}
    messages = [f"page {number}" for number in pages.numbers]
    return registry.documents.expand(id, pages, messages, **{"file_in_redis": False, **known, **more})


def end(registry: Registry, number: int, state: str = "SUCCESS", *, id: str = "d") -> bool:
    """Make a page final, as a worker or the sweeper does. Whether it was not so before."""
    meta = {"status": state, "result": {"text": f"text {number}"} if state == "SUCCESS" else {}}
    return registry.transition(page_id(id, number), state, now=3.0, meta=json.dumps(meta), meta_keep=100) is not None


def waiting(registry: Registry) -> list[str]:
    """What waits in the queue, the next to be taken first."""
    lists = (keys.queue, keys.lane(BULK))
    return [text.decode() for name in lists for text in reversed(registry.redis.lrange(name, 0, -1))]


def ttl(registry: Registry, key: str) -> int:
    return int(registry.redis.ttl(key))


def test_opening_a_document_records_and_queues_its_pages_in_order(registry: Registry) -> None:
    receive(registry)
    assert expand(registry) == documents.EXPANDED_NOW
    assert waiting(registry) == ["page 1", "page 2", "page 3"]
    assert registry.documents.states("d", PAGES) == ["PENDING"] * 3
    record = registry.get_record("d")
    assert record is not None
    assert (record.state, record.progress.pages) == (EXPANDED, PAGES)
    assert registry.page_ids("d") == PAGES.ids("d")
    stats = registry.stats(now=0, limit=9)
    assert (stats.pending, stats.processing) == (3, 1)


def test_a_document_that_is_opened_twice_has_its_pages_once(registry: Registry) -> None:
    receive(registry)
    expand(registry)
    end(registry, 1)
    history = registry.transition("d", "RECEIVED", now=9.0)
    assert history is not None
    assert history.is_expanded
    assert expand(registry) == documents.EXPANDED_BEFORE
    assert len(waiting(registry)) == 3
    assert registry.documents.states("d", PAGES) == ["SUCCESS", "PENDING", "PENDING"]


def test_a_document_that_is_final_is_not_opened(registry: Registry) -> None:
    receive(registry)
    registry.transition("d", "REVOKED", now=2.0)
    assert expand(registry) == documents.FINAL
    assert waiting(registry) == []
    assert registry.page_ids("d") == []


@pytest.mark.parametrize("state", ["FAILURE", "REVOKED", "SUCCESS"])
def test_a_document_that_is_open_is_not_ended_by_what_came_twice(registry: Registry, state: str) -> None:
    receive(registry)
    registry.redis.set(keys.blob("d"), b"file")
    expand(registry, file_in_redis=True)
    history = registry.transition("d", state, now=3.0, meta="{}", meta_keep=100)
    assert history is not None
    assert history.is_expanded
    assert registry.redis.exists(keys.blob("d"))
    assert registry.celery_record("d") == META
    for number in PAGES.numbers:
        end(registry, number)
    assert ASSEMBLY in waiting(registry)


def test_a_chord_waits_for_the_assembly_of_a_document_whose_message_came_twice(
    client: Client, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(RedisBackend, "on_chord_part_return", lambda _, part, *__, **___: counted.append(part.task))
    redis.client.hset(keys.task("d"), "state", EXPANDED)
    for task in (DOCUMENT, ASSEMBLE):
        part = Context(id="d", task=task, group="g", chord={"task": "body"})
        client.app.backend.mark_as_failure("d", NoPageRead(), request=part)
    assert counted == [ASSEMBLE]


def test_a_document_that_is_opened_while_it_is_cancelled_is_left_to_its_pages(registry: Registry) -> None:
    class Slow(Cancellation):
        def states(self, ids: Sequence[str]) -> dict[str, str]:
            found = super().states(ids)
            expand(self.registry)
            return found

    receive(registry)
    left = Slow(registry).cancel(["d"], lambda _: "{}", now=3.0, meta_keep=100)
    assert (left.held, left.documents) == ([], ["d"])
    record = registry.get_record("d")
    assert record is not None
    assert record.state == EXPANDED


def test_a_document_whose_file_is_gone_is_not_opened(registry: Registry) -> None:
    receive(registry)
    assert expand(registry, file_in_redis=True) == documents.GONE
    assert waiting(registry) == []


def test_the_file_of_an_open_document_stays_and_goes_with_its_end(registry: Registry) -> None:
    receive(registry)
    registry.redis.set(keys.blob("d"), b"file", ex=60)
    expand(registry, file_in_redis=True)
    assert ttl(registry, keys.blob("d")) == -1
    for number in PAGES.numbers:
        end(registry, number)
    assert registry.redis.exists(keys.blob("d"))
    registry.transition("d", "SUCCESS", now=4.0, ends_document=True)
    assert not registry.redis.exists(keys.blob("d"))


def test_the_file_stays_also_where_a_second_worker_stored_it_after_the_document_was_opened(registry: Registry) -> None:
    receive(registry)
    registry.redis.set(keys.blob("d"), b"file", ex=60)
    expand(registry, file_in_redis=True)
    registry.redis.set(keys.blob("d"), b"file", ex=60)
    assert expand(registry, file_in_redis=True) == documents.EXPANDED_BEFORE
    assert ttl(registry, keys.blob("d")) == -1


@pytest.mark.parametrize("last", ["SUCCESS", "FAILURE", "REVOKED"])
def test_the_last_page_that_is_final_queues_the_assembly_at_the_head_and_once(registry: Registry, last: str) -> None:
    receive(registry)
    expand(registry)
    end(registry, 2)
    end(registry, 1, "FAILURE")
    assert not end(registry, 1)
    assert ASSEMBLY not in waiting(registry)
    assert registry.documents.has_open_pages("d")
    end(registry, 3, last)
    assert waiting(registry) == [ASSEMBLY, "page 1", "page 2", "page 3"]
    assert not end(registry, 3)
    assert waiting(registry).count(ASSEMBLY) == 1


def test_a_page_that_is_not_final_leaves_the_document_open(registry: Registry) -> None:
    receive(registry)
    expand(registry, pages=PageSet(5, "1"))
    for state in ("RECEIVED", "STARTED", "RETRY"):
        registry.transition(page_id("d", 1), state, now=3.0, page_of=PageOf("d", 1, keys.queue))
    assert registry.documents.has_open_pages("d")


def test_a_page_whose_record_was_lost_still_completes_its_document(registry: Registry) -> None:
    receive(registry)
    expand(registry, pages=PageSet(5, "1"))
    registry.redis.delete(keys.task(page_id("d", 1)))
    registry.transition(page_id("d", 1), "FAILURE", now=3.0, page_of=PageOf("d", 1, keys.queue))
    assert ASSEMBLY in waiting(registry)


def test_a_page_whose_record_was_lost_is_known_as_one_again_and_expires_with_the_others(registry: Registry) -> None:
    receive(registry)
    expand(registry, pages=PageSet(5, "1"))
    registry.redis.delete(keys.task(page_id("d", 1)))
    registry.transition(page_id("d", 1), "RECEIVED", now=3.0, page_of=PageOf("d", 1, keys.queue))
    end(registry, 1)
    assert ASSEMBLY in waiting(registry)
    registry.transition("d", "SUCCESS", now=4.0, ends_document=True)
    registry.documents.settle("d", meta_keep=100)
    assert 0 < ttl(registry, keys.task(page_id("d", 1))) <= 200


def test_what_the_pages_made_stays_until_the_document_is_final_and_expires_then(registry: Registry) -> None:
    receive(registry)
    expand(registry)
    for number in PAGES.numbers:
        end(registry, number)
    left = [key for id in PAGES.ids("d") for key in (keys.task(id), keys.meta(id))]
    assert {ttl(registry, key) for key in (*left, keys.document("d"))} == {-1}
    assert not registry.documents.settle("d", meta_keep=100), "it is not final"
    assert registry.documents.unsettled() == ["d"]

    registry.transition("d", "SUCCESS", now=4.0, ends_document=True)
    assert registry.documents.settle("d", meta_keep=100)
    assert registry.documents.settle("d", meta_keep=100)
    assert all(0 < ttl(registry, key) <= 200 for key in (*left, keys.document("d")))
    assert registry.documents.unsettled() == []
    assert [result.result["text"] for result in registry.documents.results("d", [1, 2, 3])] == [
        *("text 1", "text 2", "text 3")
    ]


def test_a_page_that_ends_after_its_document_expires_by_itself_and_queues_nothing(registry: Registry) -> None:
    receive(registry)
    expand(registry)
    registry.transition("d", "REVOKED", now=2.5, ends_document=True)
    registry.documents.settle("d", meta_keep=100)
    before = waiting(registry)
    for number in PAGES.numbers:
        end(registry, number)
    assert waiting(registry) == before
    assert all(0 < ttl(registry, keys.task(id)) <= 200 for id in PAGES.ids("d"))
    assert all(0 < ttl(registry, keys.meta(id)) <= 100 for id in PAGES.ids("d"))


def test_its_pages_expire_also_where_its_record_expired_before_it_was_settled(registry: Registry) -> None:
    receive(registry)
    expand(registry)
    for number in PAGES.numbers:
        end(registry, number)
    registry.transition("d", "SUCCESS", now=4.0, ends_document=True)
    registry.redis.delete(keys.task("d"))  # no sweep for as long as that
    registry.documents.settle("d", meta_keep=100)
    assert all(0 < ttl(registry, keys.task(id)) <= 200 for id in PAGES.ids("d"))
    assert all(0 < ttl(registry, keys.meta(id)) <= 100 for id in PAGES.ids("d"))


def test_a_page_that_was_cancelled_stays_final_while_its_message_may_wait(registry: Registry) -> None:
    receive(registry)
    expand(registry)
    for number, state in zip(PAGES.numbers, ("SUCCESS", "FAILURE", "REVOKED"), strict=True):
        end(registry, number, state)
    registry.transition("d", "SUCCESS", now=4.0, ends_document=True)
    registry.documents.settle("d", meta_keep=100)
    read, failed, cancelled = (ttl(registry, keys.task(id)) for id in PAGES.ids("d"))
    assert max(read, failed) <= 200
    assert 200 < cancelled <= documents.CANCELLED_KEEP


def test_a_password_goes_when_its_document_is_settled_unless_a_batch_shares_it(registry: Registry) -> None:
    for id, owner in (("d", "d"), ("e", "batch")):
        registry.redis.set(keys.password(owner), "secret", ex=60)
        receive(registry, id)
        expand(registry, id, password=owner)
        registry.transition(id, "FAILURE", now=4.0, ends_document=True)
        registry.documents.settle(id, meta_keep=100)
    assert not registry.redis.exists(keys.password("d"))
    assert registry.redis.exists(keys.password("batch"))


def test_a_lost_assembly_is_queued_again_and_only_then(registry: Registry) -> None:
    receive(registry)
    expand(registry)
    assert not registry.documents.requeue_assembly("d"), "pages are open"
    for number in PAGES.numbers:
        end(registry, number)
    registry.redis.delete(keys.queue, keys.lane(BULK))
    assert registry.documents.requeue_assembly("d")
    assert waiting(registry) == [ASSEMBLY]
    registry.transition("d", "SUCCESS", now=4.0, ends_document=True)
    assert not registry.documents.requeue_assembly("d"), "it is final"


def test_a_lost_assembly_is_queued_again_also_where_redis_is_full(registry: Registry) -> None:
    receive(registry)
    expand(registry)
    for number in PAGES.numbers:
        end(registry, number)
    registry.redis.delete(keys.queue, keys.lane(BULK))
    registry.redis.config_set("maxmemory", 1)
    try:
        assert registry.documents.requeue_assembly("d")
    finally:
        registry.redis.config_set("maxmemory", 0)
    assert waiting(registry) == [ASSEMBLY]


def test_a_document_of_a_thousand_pages_is_opened_and_settled(registry: Registry) -> None:
    receive(registry)
    pages = PageSet(1000, "1-1000")
    expand(registry, pages=pages)
    assert registry.documents.states("d", pages) == ["PENDING"] * 1000
    positions = [registry.redis.zrank(keys.counted(Status.PENDING), id) for id in pages.ids("d")]
    assert positions == list(range(1000))
    for number in pages.numbers:
        end(registry, number)
    registry.transition("d", "SUCCESS", now=4.0, ends_document=True)
    registry.documents.settle("d", meta_keep=100)
    assert all(0 < ttl(registry, keys.task(id)) <= 200 for id in pages.ids("d"))


def test_an_image_has_no_pages_and_is_final_as_before(registry: Registry) -> None:
    history = registry.transition("i", "RECEIVED", now=1.0)
    assert history is not None
    assert history.crashes == CrashHistory(strikes=0, solo_strikes=0, last_cause="")
    assert not history.is_expanded
    assert registry.page_ids("i") == []
    registry.transition("i", "SUCCESS", now=2.0, meta="{}", meta_keep=100)
    assert 0 < ttl(registry, keys.task("i")) <= 200
    assert 0 < ttl(registry, keys.meta("i")) <= 100


def test_who_waits_for_a_document_is_told_when_it_is_opened_and_of_each_page(registry: Registry) -> None:
    receive(registry)
    with registry.redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(keys.changes)
        expand(registry)
        end(registry, 2)
        registry.redis.publish(keys.changes, "end")
        told: list[str] = []
        while "end" not in told:
            if message := heard.get_message(timeout=1):
                told.append(message["data"].decode())
    assert told == ["d", page_id("d", 2), "d", "end"]
