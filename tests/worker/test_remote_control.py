"""Remote control leaves nothing in Redis: an answer is no task, and nobody acknowledges it."""

import signal
from collections.abc import Callable

import pytest

from ocr_celery.client import Client
from tests.testlib.processes import RedisServer, Worker, keys, until

Start = Callable[..., Worker]


def held(redis: RedisServer) -> int:
    """Messages that are recorded as taken and not acknowledged, by whatever process."""
    return sum(redis.client.hlen(key) for key in redis.client.scan_iter(f"{keys.prefix}unacked*"))


def all_keys(redis: RedisServer) -> set[bytes]:
    return set(redis.client.keys("*"))


def test_asking_workers_leaves_as_many_keys_as_there_were(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    start_worker("w1")
    ask = client.app.control.inspect(["w1@test"], timeout=30)
    assert ask.ping()
    before = all_keys(redis)
    for _ in range(30):
        assert ask.ping() == {"w1@test": {"ok": "pong"}}
    until(lambda: all_keys(redis) == before, what="as many keys as before")
    assert not held(redis)


def test_a_worker_that_starts_beside_another_leaves_nothing_and_warns_of_nothing(
    redis: RedisServer, start_worker: Start
) -> None:
    first = start_worker("w1", mingle=True)
    for _ in range(3):
        second = start_worker("w2", mingle=True)
        assert "back in the queue" not in second.log
        second.signal(signal.SIGTERM)
        assert second.wait() == 0
    assert not held(redis)
    until(lambda: not redis.client.keys("*reply*"), what="no answer is left that came too late")
    assert "sync with" not in first.log


@pytest.mark.parametrize(
    "text", ["no JSON", "7", "{}", '{"properties": {}, "headers": 7}', '{"properties": 7, "body": 7}']
)
def test_a_command_that_cannot_be_read_ends_no_worker(
    client: Client, redis: RedisServer, start_worker: Start, text: str
) -> None:
    worker = start_worker("w1")
    until(lambda: redis.client.publish("/0.celery.pidbox", text), what="it listens")
    assert client.app.control.inspect(["w1@test"], timeout=30).ping()
    assert worker.process.poll() is None
