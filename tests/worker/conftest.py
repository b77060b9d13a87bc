"""Real worker processes, started and stopped by the tests that need them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from nodes import RedisServer, Worker, own_redis

if TYPE_CHECKING:
    from ocr_celery.client import Client

own_redis()


@pytest.fixture
def start_worker(redis: RedisServer) -> Iterator[Callable[..., Worker]]:
    """``start_worker(name="w1", OCR_BATCH_SIZE=4, …)`` starts a worker with the scripted engine and waits until it consumes."""
    started: list[Worker] = []

    def start(name: str = "w1", *, ready: bool = True, **settings: object) -> Worker:
        worker = Worker(name, redis.url, settings)
        started.append(worker)
        if ready:
            worker.wait_ready()
        return worker

    yield start
    for worker in started:
        worker.end()


@pytest.fixture
def client(redis: RedisServer) -> "Client":
    """The client of other Python services and of the facade."""
    from ocr_celery.client import Client
    from ocr_celery.settings import Settings

    return Client(Settings(redis_url=redis.url, max_queue_size=10_000))
