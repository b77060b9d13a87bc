"""Real worker processes, started and stopped by the tests that need them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_celery import (
    CeleryBackendCluster,
    CeleryBrokerCluster,
    CeleryWorkerCluster,
    RedisTestBackend,
    RedisTestBroker,
)

from tests.testlib.processes import RedisServer, Worker, own_redis

if TYPE_CHECKING:
    from celery import Celery

    from ocr_celery.client import Client
    from tests.testlib.celery_setup import OcrSetup
    from tests.testlib.held_pages import HeldPages
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
def hold_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OCR_SCRIPTED_HOLD of the module's worker."""
    return tmp_path_factory.mktemp("hold")


@pytest.fixture
def held_pages(hold_folder: Path) -> "Iterator[HeldPages]":
    """Which pages stay in the engine of the module's worker; at the end none do."""
    from tests.testlib.held_pages import HeldPages

    held = HeldPages(hold_folder)
    yield held
    held.release_all()


@pytest.fixture(scope="module")
def worker_settings(request: pytest.FixtureRequest, hold_folder: Path) -> dict[str, object]:
    """The module's ``SETTINGS``: environment variables of its worker."""
    settings: dict[str, object] = getattr(request.module, "SETTINGS", {})
    return {"OCR_SCRIPTED_HOLD": hold_folder, **settings}


@pytest.fixture(scope="module")
def celery_setup_cls() -> "type[OcrSetup]":
    """pytest-celery's seam for a setup of one's own."""
    from tests.testlib.celery_setup import OcrSetup

    return OcrSetup


@pytest.fixture(scope="module")
def celery_broker_cluster(redis_server: RedisServer) -> CeleryBrokerCluster:
    """The Redis of this test process, emptied once a module."""
    from tests.testlib.celery_setup import RedisProcess

    renew_connections()
    redis_server.empty()
    return CeleryBrokerCluster(RedisTestBroker(RedisProcess(redis_server)))


@pytest.fixture(scope="module")
def celery_backend_cluster(celery_broker_cluster: CeleryBrokerCluster) -> CeleryBackendCluster:
    """The same Redis."""
    return CeleryBackendCluster(RedisTestBackend(celery_broker_cluster[0].container))


@pytest.fixture(scope="module")
def celery_client(
    celery_setup_cls: "type[OcrSetup]", redis_server: RedisServer, worker_settings: dict[str, object]
) -> "Client":
    """The client of other Python services, for the module's worker."""
    return celery_setup_cls.create_client(redis_server, worker_settings)


@pytest.fixture(scope="module")
def celery_setup_app(celery_client: "Client") -> "Celery":
    """The application that tasks are sent by."""
    return celery_client.app


@pytest.fixture(scope="module")
def celery_worker_cluster(
    celery_broker_cluster: CeleryBrokerCluster, celery_setup_app: "Celery", worker_settings: dict[str, object]
) -> Iterator[CeleryWorkerCluster]:
    """One worker process for all tests of a module."""
    from tests.testlib.celery_setup import OcrWorker, WorkerProcess

    worker = Worker("w1", celery_broker_cluster[0].container.server.url, worker_settings)
    node = OcrWorker(WorkerProcess(worker), celery_setup_app)
    yield CeleryWorkerCluster(node)
    node.teardown()


@pytest.fixture(scope="module")
def celery_setup(
    celery_setup_cls: "type[OcrSetup]",
    celery_worker_cluster: CeleryWorkerCluster,
    celery_broker_cluster: CeleryBrokerCluster,
    celery_backend_cluster: CeleryBackendCluster,
    celery_client: "Client",
) -> "Iterator[OcrSetup]":
    """pytest-celery's setup, ready, shared by the tests of a module."""
    setup = celery_setup_cls(
        celery_worker_cluster, celery_broker_cluster, celery_backend_cluster, app=celery_client.app
    )
    setup.client = celery_client
    assert setup.ready()
    yield setup
    setup.teardown()


@pytest.fixture(scope="session")
def origin() -> "Iterator[Origin]":
    """A web server that pages are fetched from."""
    from tests.testlib.image_server import Origin

    origin = Origin()
    yield origin
    origin.close()
