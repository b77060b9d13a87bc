"""A node's messages in Redis: taken in order, settled where their task is final, requeued once, put aside in bounds."""

import json
from typing import Any

import pytest

from ocr_celery.core import delivery_limit
from ocr_celery.core.status import EXPANDED
from ocr_celery.store import messages, unacked
from ocr_celery.store.lanes import Lanes
from tests.testlib.malformed_messages import good
from tests.testlib.processes import RedisServer, keys

NODE = "w1@test"
UNACKED, HANDED = keys.unacked(NODE), keys.handed(NODE)


def send(redis: RedisServer, *names: str) -> None:
    for name in names:
        message = good(b"")
        message["headers"]["id"] = name
        redis.client.lpush("ocr", json.dumps(message))


def taken(redis: RedisServer, most: int = 100) -> list[messages.Taken]:
    return messages.take(redis.client, UNACKED, HANDED, Lanes(keys), keys.waiting, most=most)


def names(texts: list[bytes]) -> list[str]:
    return [json.loads(text)["headers"]["id"] for text in texts]


def waiting(redis: RedisServer) -> list[dict[str, Any]]:
    """The messages in the queue, the next one first."""
    return [json.loads(text) for text in reversed(redis.client.lrange("ocr", 0, -1))]


def aside(redis: RedisServer, tag: str) -> bool:
    return messages.put_aside(redis.client, keys, UNACKED, tag, why="a reason")


def test_what_was_handed_to_the_node_is_taken_first_and_then_as_many_as_there_is_room_for(redis: RedisServer) -> None:
    send(redis, "a", "b", "c", "d")
    redis.client.lmove("ocr", HANDED, "RIGHT", "LEFT")
    found = taken(redis, most=3)
    assert names([message.text for message in found]) == ["a", "b", "c"]
    assert {message.queue for message in found} == {"ocr"}
    assert sorted(redis.client.hkeys(UNACKED)) == [message.tag.encode() for message in found]
    assert not redis.client.exists(HANDED)


@pytest.mark.parametrize("text", ["", "no JSON", "[1, 2", "null", '{"properties": {"delivery_tag": {}}}', "\xff" * 9])
def test_no_message_stops_the_step_that_takes_it(redis: RedisServer, text: str) -> None:
    send(redis, "before")
    redis.client.lpush("ocr", text.encode("latin-1"))
    send(redis, "after")
    assert [message.text for message in taken(redis)][1] == text.encode("latin-1")
    assert redis.client.hlen(UNACKED) == 3


def test_all_goes_back_in_the_order_in_which_it_was_taken_in_front_of_what_waits(redis: RedisServer) -> None:
    send(redis, *"abcdef")
    taken(redis, most=2)
    taken(redis, most=2)
    redis.client.lmove("ocr", HANDED, "RIGHT", "LEFT")
    assert unacked.take_over(redis.client, keys, NODE) == 4
    assert [message["headers"]["id"] for message in waiting(redis)] == list("abcdef")
    assert not redis.client.exists(HANDED, UNACKED)


@pytest.mark.parametrize("record", [b"no JSON", b"[1]", b"[{}, 1, 2]", b'["x", "", "ocr"]', b"[" * 100_000, b"\xff"])
def test_a_record_that_cannot_be_read_keeps_no_other_from_going_back(redis: RedisServer, record: bytes) -> None:
    send(redis, "a", "b")
    taken(redis)
    redis.client.hset(UNACKED, "000", record)
    assert unacked.take_over(redis.client, keys, NODE) == 2
    assert [message["headers"]["id"] for message in waiting(redis)] == ["a", "b"]
    assert not redis.client.exists(UNACKED)
    assert redis.client.llen(keys.put_aside) == 1


@pytest.mark.parametrize("part", ["headers", "properties", "delivery_info"])
def test_a_message_that_lacks_a_part_goes_back_all_the_same(redis: RedisServer, part: str) -> None:
    message = good(b"")
    (message["properties"] if part == "delivery_info" else message).pop(part)
    redis.client.lpush("ocr", json.dumps(message))
    taken(redis)
    assert unacked.take_over(redis.client, keys, NODE) == 1
    assert waiting(redis)[0]["properties"]["delivery_info"]["redelivered"] is True


def test_a_death_counts_against_what_was_held_and_an_orderly_end_does_not(redis: RedisServer) -> None:
    send(redis, "a")
    for counted in (1, 2):
        taken(redis)
        unacked.take_over(redis.client, keys, NODE)
        taken(redis)
        unacked.requeue(redis.client, keys, NODE)
        assert delivery_limit.failed_deliveries(waiting(redis)[0]["properties"]) == counted


@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED", "RETRY", ""])
def test_a_message_is_acknowledged_where_its_task_is_final_or_not_known(redis: RedisServer, state: str) -> None:
    send(redis, "a")
    (message,) = taken(redis)
    if state:
        redis.client.hset(keys.task("a"), "state", state)
    assert messages.acknowledge(redis.client, UNACKED, [(message.tag, keys.task("a"))]) == []
    assert not redis.client.exists(UNACKED)


@pytest.mark.parametrize("state", ["PENDING", "RECEIVED", "STARTED"])
def test_a_message_stays_held_where_this_redis_has_not_seen_its_task_end(redis: RedisServer, state: str) -> None:
    send(redis, "a", "b")
    first, second = taken(redis)
    redis.client.hset(keys.task("a"), "state", state)
    done = [(first.tag, keys.task("a")), (second.tag, "")]  # the second is no page
    assert messages.acknowledge(redis.client, UNACKED, done) == [first.tag]
    assert redis.client.hkeys(UNACKED) == [first.tag.encode()]


def test_a_document_whose_pages_are_queued_needs_its_first_message_no_more_but_its_assembly(redis: RedisServer) -> None:
    send(redis, "d", "d")
    first, assembly = taken(redis)
    redis.client.hset(keys.task("d"), "state", EXPANDED)
    done = [(first.tag, keys.task("d")), (assembly.tag, keys.task("d"))]
    assert messages.acknowledge(redis.client, UNACKED, done, assemblies={assembly.tag}) == [assembly.tag]
    assert redis.client.hkeys(UNACKED) == [assembly.tag.encode()]


def test_a_record_of_another_type_keeps_nothing_from_being_acknowledged(redis: RedisServer) -> None:
    send(redis, "a")
    (message,) = taken(redis)
    redis.client.set(keys.task("a"), "x")
    assert messages.acknowledge(redis.client, UNACKED, [(message.tag, keys.task("a"))]) == []


def test_what_is_put_aside_is_kept_whole_for_a_while_and_not_held_any_more(redis: RedisServer) -> None:
    send(redis, "a")
    (message,) = taken(redis)
    assert aside(redis, message.tag)
    assert not aside(redis, message.tag)
    (entry,) = map(json.loads, redis.client.lrange(keys.put_aside, 0, -1))
    assert json.loads(entry["record"])[0] == json.loads(message.text)
    assert entry["why"] == "a reason"
    assert 0 < redis.client.ttl(keys.put_aside) <= messages.KEEP
    assert 0 < redis.client.ttl(keys.put_aside_sizes) <= messages.KEEP
    assert not redis.client.exists(UNACKED)


def test_what_is_put_aside_is_bounded_in_number_and_in_bytes(redis: RedisServer) -> None:
    for size, count in ((10, messages.MAX_KEPT + 10), (1_000_000, 20), (3_000_000, 3)):
        for _ in range(count):
            redis.client.hset(UNACKED, "tag", "x" * size)
            assert aside(redis, "tag")
    assert redis.client.llen(keys.put_aside) <= messages.MAX_KEPT
    sizes = {name.decode(): int(value) for name, value in redis.client.hgetall(keys.put_aside_sizes).items()}
    assert sizes["count"] == messages.MAX_KEPT + 33
    kept = redis.client.lrange(keys.put_aside, 0, -1)
    assert sizes["bytes"] == sum(map(len, kept)) <= messages.MAX_BYTES
    newest = json.loads(kept[0])
    assert newest["bytes"] == 3_000_000
    assert len(newest["record"]) < 100_000, "of a large one the beginning"
