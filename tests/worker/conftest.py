"""Real worker processes, started and stopped by the tests that need them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.testlib.processes import RedisServer, Worker, own_redis

if TYPE_CHECKING:
    from ocr_celery.client import Client
    from tests.testlib.celery_client import Service
    from tests.testlib.image_server import Origin

own_redis()


def renew_connections() -> None:
    """Those of this process broke where a test restarted Redis; Celery would notice by an error."""
    from kombu import pools

    from ocr_celery.celery import process_app

    app = process_app()
    pools.reset()
    app._pool = app.amqp._producer_pool = None
    app.backend.result_consumer.stop()
    app.backend.client.connection_pool.disconnect()


@pytest.fixture
def redis(redis: RedisServer) -> RedisServer:
    """An empty Redis, to which nothing of an earlier test is connected."""
    renew_connections()
    return redis


@pytest.fixture
def start_worker(redis: RedisServer) -> Iterator[Callable[..., Worker]]:
    """``start_worker(name="w1", OCR_BATCH_SIZE=4, …)`` starts a worker with the scripted engine and waits until it consumes."""
    started: list[Worker] = []

    def start(name: str = "w1", *, ready: bool = True, mingle: bool = False, **settings: object) -> Worker:
        worker = Worker(name, redis.url, settings, mingle=mingle)
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


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest, redis_server: RedisServer) -> "Iterator[Service]":
    """One worker for all tests of a module, with the module's ``SETTINGS``; Redis is emptied once, before it starts."""
    from tests.testlib.celery_client import Service

    renew_connections()
    redis_server.client.flushall()
    service = Service(redis_server, getattr(request.module, "SETTINGS", {}))
    yield service
    service.worker.end()


@pytest.fixture(scope="session")
def origin() -> "Iterator[Origin]":
    """A web server that pages are fetched from."""
    from tests.testlib.image_server import Origin

    origin = Origin()
    yield origin
    origin.close()
