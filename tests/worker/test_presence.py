"""A worker has a lease on its name or does not run, and cares for what dead ones held, whatever that is."""

import json
from collections.abc import Callable

import pytest

from ocr_celery.consumer.lease import NodeLease
from tests.testlib.celery_setup import until_settled
from tests.testlib.malformed_messages import good
from tests.testlib.processes import RedisServer, Worker, keys, png, until

Start = Callable[..., Worker]
BAD = (b"no JSON", b"[1, 2]", b'[{"properties": 7}, "", "ocr"]', b"\xff")


def hold(redis: RedisServer, node: str) -> list[str]:
    """As a node leaves it that died: messages it held, between records that nobody can read. Answers their ids."""
    ids = []
    for number, record in enumerate(BAD):
        message = good(png(100 + number))
        del message["properties"]["delivery_info"]  # as a sender leaves it out that is not kombu
        ids.append(str(message["headers"]["id"]))
        redis.client.hset(keys.unacked(node), f"{number}-good", json.dumps([message, "", "ocr"]))
        redis.client.hset(keys.unacked(node), f"{number}-bad", record)
    redis.client.zadd(keys.nodes, {node: 1})
    return ids


def completed(redis: RedisServer, ids: list[str]) -> bool:
    return all(redis.client.hget(keys.task(id), "state") == b"SUCCESS" for id in ids)


@pytest.mark.parametrize("node", ["w1@test", "dead@test"])
def test_records_that_cannot_be_read_keep_no_page_of_a_dead_node(
    redis: RedisServer, start_worker: Start, node: str
) -> None:
    ids = hold(redis, node)
    start_worker("w1", OCR_SCRIPTED_SECONDS=0.05)
    until(lambda: completed(redis, ids), what="its pages are read")
    until_settled(redis)
    assert redis.client.llen(keys.put_aside) == len(BAD)


def test_one_dead_node_that_cannot_be_seen_to_keeps_nobody_from_the_others(
    redis: RedisServer, start_worker: Start
) -> None:
    redis.client.set(keys.unacked("a@test"), "of another type")
    redis.client.zadd(keys.nodes, {"a@test": 1})
    ids = hold(redis, "b@test")
    worker = start_worker("w1", OCR_SCRIPTED_SECONDS=0.05)
    until(lambda: completed(redis, ids), what="the pages of the other are read")
    assert "could not requeue messages of worker a@test" in worker.log
    assert worker.process.poll() is None


def test_a_worker_that_cannot_take_its_name_says_so_and_does_not_run(redis: RedisServer, start_worker: Start) -> None:
    redis.client.lpush(keys.lease("w1@test"), "of another type")
    worker = start_worker("w1", ready=False)
    assert worker.wait() not in (0, None)
    assert "ocr-celery: w1@test cannot take its name in Redis, so it does not run" in worker.log


@pytest.mark.parametrize("lost", ["of another type", "to another"])
def test_a_worker_that_loses_its_lease_stops(redis: RedisServer, start_worker: Start, lost: str) -> None:
    worker = start_worker("w1")
    with redis.client.pipeline() as pipe:
        pipe.delete(keys.lease("w1@test"))
        if lost == "to another":
            pipe.set(keys.lease("w1@test"), json.dumps({"machine": "elsewhere", "pid": 1, "run": "x"}))
        else:
            pipe.lpush(keys.lease("w1@test"), "x")
        pipe.execute()
    assert worker.wait() == 75
    assert "lease lost: w1@test" in worker.log


def test_a_worker_that_lost_its_name_gives_back_nothing_of_who_holds_it_now(redis: RedisServer) -> None:
    loser, winner = (NodeLease(redis.client, keys, "w1@test") for _ in range(2))
    assert loser._try_acquire("") is None
    assert winner._try_acquire(loser.me) is None
    redis.client.hset(keys.unacked("w1@test"), "tag", json.dumps([good(png()), "", "ocr"]))
    loser.end()
    assert redis.client.hlen(keys.unacked("w1@test")) == 1
    assert not redis.client.llen("ocr")
    winner.end()
    assert redis.client.llen("ocr") == 1
