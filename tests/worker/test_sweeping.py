"""What is left behind is cleared up by one worker, in small steps, and costs nothing while there is nothing to do."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from redis import Redis

from ocr_celery.client import Client
from ocr_celery.consumer.lease import FORGET_AFTER, NodeLease
from ocr_celery.consumer.sweeper import Sweeper
from ocr_celery.core.lane_weights import BULK, SINGLE
from ocr_celery.core.status import Status
from ocr_celery.store import node_names
from ocr_celery.store.registry import Registry
from tests.testlib.processes import RedisServer, Worker, keys, png, until

Start = Callable[..., Worker]


def sweeper(redis: Redis) -> Sweeper:
    registry = Registry(redis, keys, keep=100)
    return Sweeper(registry, interval=1, ttl=60, may_sweep=lambda: True)


def calls(redis: Redis) -> int:
    """How many commands Redis has been sent."""
    return int(redis.info("stats")["total_commands_processed"])


def message(id: str) -> str:
    return json.dumps({"headers": {"id": id}, "body": "x" * 50})


def test_of_all_workers_one_is_told_of_the_dead(redis: RedisServer) -> None:
    redis.client.zadd(keys.nodes, {"dead@test": 1})
    first, second = (NodeLease(redis.client, keys, name) for name in ("w1@test", "w2@test"))
    assert first._try_acquire("") is None
    assert second._try_acquire("") is None
    assert (first.is_sweeper, list(first._expired)) == (True, ["dead@test"])
    assert (second.is_sweeper, list(second._expired)) == (False, [])
    first.end()
    second._try_acquire("")
    assert (second.is_sweeper, list(second._expired)) == (True, ["dead@test"])


def test_a_thousand_dead_names_cost_one_command_a_round_and_are_forgotten(redis: RedisServer) -> None:
    lease, now = NodeLease(redis.client, keys, "w1@test"), time.time()
    names = [f"dead{n}@test" for n in range(1000)]
    with_them = a_round(lease, dict.fromkeys(names, now - 10))
    assert redis.client.zcard(keys.nodes) == 1001
    redis.client.delete(keys.nodes)
    assert with_them - a_round(lease, {}) <= 1
    a_round(lease, dict.fromkeys(names, now - FORGET_AFTER - 10))
    assert redis.client.zrange(keys.nodes, 0, -1) == [b"w1@test"]


def a_round(lease: NodeLease, dead: dict[str, float]) -> int:
    """How many commands one of its rounds is, with these names known to be dead."""
    if dead:
        lease.redis.zadd(keys.nodes, dead)
    lease._expired_since = dict.fromkeys(dead, time.monotonic() - 60)
    before = calls(lease.redis)
    lease._try_acquire("")
    lease._requeue_orphans()
    return calls(lease.redis) - before


def test_a_name_that_holds_something_is_not_forgotten(redis: RedisServer) -> None:
    names = ["unacked@test", "handed@test", "inside@test", "nothing@test"]
    redis.client.zadd(keys.nodes, dict.fromkeys(names, 1))
    redis.client.hset(keys.unacked("unacked@test"), "tag", "message")
    redis.client.rpush(keys.handed("handed@test"), "message")
    redis.client.hset(keys.inside("inside@test"), "task", "alone")
    assert list(node_names.names_with_messages(redis.client, keys, names)) == names[:3]
    assert node_names.forget_names(redis.client, keys, names, seconds=60) == 1
    assert redis.client.zrange(keys.nodes, 0, -1) == [b"handed@test", b"inside@test", b"unacked@test"]


def test_what_was_finished_long_ago_is_trimmed_to_the_last(redis: RedisServer) -> None:
    now = time.time()
    redis.client.zadd(keys.counted(Status.COMPLETED), {f"old{n}": now - 61 - n for n in range(5001)} | {"young": now})
    sweeper(redis.client).sweep(now=now)
    assert redis.client.zrange(keys.counted(Status.COMPLETED), 0, -1) == [b"young"]


def open_tasks(redis: Redis, ids: list[str], *, since: float) -> None:
    redis.hset(keys.task(ids[0]), mapping={"created_at": since, "updated_at": since, "state": "PENDING"})
    redis.zadd(keys.counted(Status.PENDING), dict.fromkeys(ids, since))


def test_only_what_has_no_message_anywhere_is_lost(redis: RedisServer) -> None:
    ids = [f"task{n:05}" for n in range(5000)]
    open_tasks(redis.client, ids, since=1)
    waiting, other, handed, held, lost = ids[:3000], ids[3000:3500], ids[3500:4000], ids[4000:4500], ids[4500:]
    redis.client.lpush("ocr", *map(message, waiting), "no message", '{"headers": 7}')
    redis.client.sadd(keys.queues, "other")
    redis.client.lpush("other\x06\x163", *map(message, other))
    redis.client.zadd(keys.nodes, {"w1@test": time.time() + 60})
    redis.client.lpush(keys.handed("w1@test"), *map(message, handed))
    redis.client.hset(keys.unacked("w1@test"), mapping={id: f'[{message(id)},"","ocr"]' for id in held})
    sweep = sweeper(redis.client)
    sweep.sweep(now=time.time())
    assert redis.client.zcard(keys.counted(Status.FAILED)) == 0  # a message may have moved meanwhile
    sweep.sweep(now=time.time())
    assert sorted(redis.client.zrange(keys.counted(Status.FAILED), 0, -1)) == [id.encode() for id in lost]


def test_a_task_that_redis_refuses_does_not_keep_the_others_from_being_swept(redis: RedisServer) -> None:
    redis.client.hset(keys.task("d"), mapping={"created_at": 1, "updated_at": 1, "state": "EXPANDED"})
    redis.client.hset(keys.document("d"), mapping={"assembly": "message", "queue": "damaged"})
    redis.client.set("damaged", "no list")
    redis.client.zadd(keys.counted(Status.PROCESSING), {"d": 1})
    lost = [f"task{n}" for n in range(20)]
    open_tasks(redis.client, lost, since=1)
    sweep = sweeper(redis.client)
    for _ in range(2):
        sweep.sweep(now=time.time())
    assert sorted(redis.client.zrange(keys.counted(Status.FAILED), 0, -1)) == sorted(id.encode() for id in lost)


def test_a_long_queue_is_not_read_where_those_at_its_head_are_there(redis: RedisServer) -> None:
    ids = [f"task{n:06}" for n in range(100_000)]
    open_tasks(redis.client, ids, since=1)
    redis.client.lpush("ocr", *map(message, ids))
    sweep = sweeper(redis.client)
    sweep.sweep(now=time.time())
    assert sweep._messages_seen < 40_000
    redis.client.rpop("ocr", 10)  # gone, as if purged
    sweep.sweep(now=time.time())
    sweep.sweep(now=time.time())
    assert redis.client.zcard(keys.counted(Status.FAILED)) == 10


def test_pages_that_wait_in_lanes_are_found_without_reading_one_to_its_end(redis: RedisServer) -> None:
    ids = [f"task{n:06}" for n in range(60_000)]
    open_tasks(redis.client, ids, since=1)
    redis.client.lpush(keys.lane(BULK), *map(message, ids[::2]))
    redis.client.lpush(keys.lane(SINGLE), *map(message, ids[1::2]))
    sweep = sweeper(redis.client)
    for _ in range(2):
        sweep.sweep(now=time.time())
        assert sweep._messages_seen < 30_000
    redis.client.rpop(keys.lane(SINGLE), 10)
    for _ in range(2):
        sweep.sweep(now=time.time())
    assert redis.client.zrange(keys.counted(Status.FAILED), 0, -1) == [id.encode() for id in ids[1:20:2]]


def test_a_page_that_waits_in_another_queue_is_not_lost(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    settings: dict[str, Any] = {"OCR_CLEANUP_INTERVAL": 0.5, "OCR_BATCH_SIZE": 1, "OCR_SCRIPTED_SECONDS": 60}
    first = start_worker("w1", **settings)
    until(
        lambda: client.app.control.add_consumer("other", reply=True, timeout=30, limit=1),
        what="it reads that queue, too",
    )
    id = client.app.send_task("ocr.image", [png()], queue="other").id
    until(lambda: redis.client.hlen(keys.inside("w1@test")), what="it is read")
    first.kill()
    start_worker("w2", **{**settings, "OCR_SCRIPTED_SECONDS": 0.1})  # which does not read that queue
    until(lambda: redis.client.llen("other") == 1, what="it is back there")
    redis.client.zadd(keys.counted(Status.PROCESSING), {id: 1})  # as if it had been quiet for long
    open_tasks(redis.client, ["lost"], since=1)
    until(lambda: client.look_up("lost").status.final, what="a sweep has found what is lost")
    assert not client.look_up(id).status.final
    until(
        lambda: client.app.control.add_consumer("other", reply=True, timeout=30, limit=1),
        what="it reads that queue, too",
    )
    assert client.wait(id, timeout=60).status is Status.COMPLETED


def test_a_page_that_a_purge_lost_is_failed_by_whichever_worker_sweeps(redis: RedisServer, start_worker: Start) -> None:
    start_worker("w1", OCR_CLEANUP_INTERVAL=0.5).kill()  # it was the one that sweeps
    start_worker("w2", OCR_CLEANUP_INTERVAL=0.5)
    open_tasks(redis.client, ["lost"], since=1)
    with closing(Redis.from_url(redis.url)) as other:
        until(lambda: other.zscore(keys.counted(Status.FAILED), "lost"), what="it is failed")
