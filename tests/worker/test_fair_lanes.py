"""Lanes share the queue by weight: in order within each, none starves, nothing is lost or doubled, whatever empties the list."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import OutOfMemoryError

from ocr_celery.client import Client
from ocr_celery.core.lane_weights import BULK, SINGLE
from ocr_celery.store import messages
from ocr_celery.store.lanes import Lanes, read_lanes
from ocr_celery.store.registry import Registry
from tests.testlib.celery_setup import until_settled
from tests.testlib.image_server import Origin
from tests.testlib.lane_model import QUEUE, LaneModel
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until

NODE = "w1@test"
UNACKED, HANDED = keys.unacked(NODE), keys.handed(NODE)

lanes = st.sampled_from([SINGLE, BULK])
operations = st.lists(
    st.one_of(
        st.tuples(st.just("send"), lanes, st.integers(1, 12)),
        st.tuples(st.just("push"), st.integers(1, 3)),
        st.tuples(st.just("take"), st.integers(1, 5)),
        st.tuples(st.just("empty")),
    ),
    max_size=40,
)


def name(text: bytes) -> str:
    return str(json.loads(text))


class Steps:
    """The steps on a Redis, with numbered messages."""

    def __init__(self, redis: RedisServer) -> None:
        self.redis = redis.client
        self.redis.flushall()
        self.registry, self.lanes, self.sent = Registry(self.redis, keys, keep=60), Lanes(keys), 0

    def messages(self, lane: str, count: int) -> list[str]:
        self.sent += count
        return [f"{lane or 'queue'}-{n}" for n in range(self.sent - count, self.sent)]

    def send(self, lane: str, *names: str) -> None:
        """Take pages in, of a batch or alone."""
        self.registry.admission.admit(
            list(names), [("LPUSH", keys.lane(lane), json.dumps(one)) for one in names], now=1.0
        )

    def push(self, message: str) -> None:
        """As Celery does."""
        self.redis.lpush(keys.queue, json.dumps(message))

    def take(self, most: int) -> list[str]:
        taken = messages.take(self.redis, UNACKED, HANDED, self.lanes, keys.waiting, most=most)
        return [name(message.text) for message in taken]

    def waiting(self, lane: str) -> int:
        return int(self.redis.llen(keys.lane(lane) if lane else keys.queue))

    def shows_a_message(self) -> bool:
        return bool(self.waiting(QUEUE)) or not (self.waiting(SINGLE) or self.waiting(BULK))


@pytest.fixture
def steps(redis: RedisServer) -> Steps:
    return Steps(redis)


@given(operations)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_steps_do_what_the_rule_says_and_lose_and_double_nothing(redis: RedisServer, ops: list[Any]) -> None:
    steps, model = Steps(redis), LaneModel()
    taken: list[str] = []
    for kind, *what in ops:
        if kind == "send":
            lane, count = what
            sent = steps.messages(lane, count)
            steps.send(lane, *sent)
            model.send(lane, *sent)
        elif kind == "push":
            for message in steps.messages(QUEUE, what[0]):
                steps.push(message)
                model.push(message)
        elif kind == "take":
            found = steps.take(what[0])
            assert found == model.take(what[0])
            taken += found
        else:  # another program takes all that the list has, and no step runs
            while text := steps.redis.rpop(keys.queue):
                taken.append(name(text))
            model.lists[QUEUE].clear()
        assert kind == "empty" or steps.shows_a_message()
    while found := steps.take(7):
        assert found == model.take(7)
        taken += found
    assert len(taken) == len(set(taken)) == steps.sent
    for lane in ("single", "bulk", "queue"):
        numbers = [int(one.partition("-")[2]) for one in taken if one.startswith(lane)]
        assert numbers == sorted(numbers)
    assert not steps.redis.exists(keys.lanes), "nothing is left of lanes that are empty"


def test_lanes_that_wait_share_by_weight(steps: Steps) -> None:
    steps.send(BULK, *steps.messages(BULK, 400))
    steps.send(SINGLE, *steps.messages(SINGLE, 400))
    found = [one for _ in range(50) for one in steps.take(4)]
    assert sum(one.startswith("single") for one in found) in range(158, 162)


@pytest.mark.parametrize("waiting", [10, 1000])
def test_a_single_page_is_behind_one_message_of_a_batch_at_most(steps: Steps, waiting: int) -> None:
    steps.send(BULK, *steps.messages(BULK, waiting))
    for number in range(3):
        steps.take(1)
        steps.send(SINGLE, f"alone {number}")
        assert f"alone {number}" in steps.take(2)


def test_a_batch_goes_on_while_a_single_page_comes_with_each_message_that_is_taken(steps: Steps) -> None:
    steps.send(BULK, *steps.messages(BULK, 20))
    found = []
    for _ in range(60):
        steps.send(SINGLE, *steps.messages(SINGLE, 1))
        found += steps.take(1)
    assert sum(one.startswith("bulk") for one in found) >= 10


@pytest.mark.parametrize("lane", [SINGLE, BULK])
def test_lanes_and_what_celery_pushes_do_not_starve_each_other(steps: Steps, lane: str) -> None:
    for message in steps.messages(QUEUE, 500):
        steps.push(message)
    steps.send(lane, "waits")
    found = []
    for _ in range(10):
        steps.push("one more")
        found += steps.take(1)
    assert "waits" in found
    assert len([one for one in found if one.startswith("queue")]) >= 8


def test_what_goes_to_the_head_of_the_queue_is_next(steps: Steps) -> None:
    steps.send(BULK, *steps.messages(BULK, 3))
    steps.registry.admission.admit(["urgent"], [("RPUSH", keys.queue, '"urgent"')], now=1.0)
    assert steps.take(1) == ["urgent"]


def test_a_lane_that_this_version_does_not_know_is_served_too(steps: Steps) -> None:
    steps.redis.lpush(keys.lane("acme"), '"1"', '"2"', '"3"')
    steps.redis.zadd(keys.lanes, {keys.lane("acme"): 0})
    steps.send(BULK, "4")
    assert sorted(steps.take(4)) == ["1", "2", "3", "4"]
    assert sorted(read_lanes(steps.redis, keys)) == sorted([keys.lane(SINGLE), keys.lane(BULK)])


def test_a_redis_that_is_full_takes_no_page_in_and_lets_workers_take(steps: Steps) -> None:
    for lane in (BULK, SINGLE):
        steps.send(lane, *steps.messages(lane, 5))
    steps.redis.delete(keys.queue, keys.lanes)  # the list was emptied, and the passes have to be written anew
    steps.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(OutOfMemoryError):
            steps.send(SINGLE, "refused")
        assert len(steps.take(3)) == 3
        assert steps.shows_a_message()
        assert len(steps.take(100)) == 6
    finally:
        steps.redis.config_set("maxmemory", 0)


def test_a_page_behind_a_batch_of_a_thousand_waits_for_what_the_worker_holds_only(
    client: Client, redis: RedisServer, start_worker: Callable[..., Worker], origin: Origin
) -> None:
    start_worker(OCR_BATCH_SIZE=8, OCR_SCRIPTED_SECONDS=0.1, OCR_MAX_REREADS=0, OCR_PREPARE_THREADS=4)
    batch = client.submit_batch([origin.page(100 + n % 50) for n in range(1000)])
    until(lambda: client.stats().completed > 40, what="the batch is being read")
    before = client.stats().completed
    final(client, [client.submit_image(png())])
    overtaken = 1000 - (client.stats().completed - before)
    assert overtaken > 900, "it waits for what the worker holds, and for no more"
    until(lambda: client.look_up_batch(batch).status.final, timeout=300, what="the batch is read to its end")
    assert client.stats().completed == 1001
    until_settled(redis)
    assert not list(redis.client.scan_iter("{ocr}:lane*"))
