"""The facade over a real Redis."""

import base64
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.settings import Settings
from ocr_celery.store import change_feed
from tests.testlib.processes import RedisServer, own_redis, waiting
from tests.testlib.threads import Start
from tests.testlib.worker_double import Facade, Queued, WorkerDouble
from web import create_app

own_redis()


@pytest.fixture
def own() -> Iterator[RedisServer]:
    """A Redis that may be broken."""
    server = RedisServer()
    server.start()
    yield server
    server.client.close()
    server.stop(signal.SIGKILL)
    server.folder.cleanup()


@pytest.fixture
def woken_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the subscription stands, nothing but a wake-up makes a waiting thread look again."""
    monkeypatch.setattr(change_feed, "LOOK_INTERVAL", 3600.0)


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(function, …)`` calls it in a thread."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


@pytest.fixture
def worker(redis: RedisServer) -> WorkerDouble:
    return WorkerDouble()


@pytest.fixture
def facade(redis: RedisServer) -> Iterator[Facade]:
    """``facade(max_queue_size=3, …)`` is a test client of the facade with these settings."""
    clients: list[Client] = []

    def make(**settings: Any) -> FlaskClient:
        client = Client(Settings(redis_url=redis.url, batch_size=1, **settings), service=True)
        clients.append(client)
        return create_app(client=client).test_client()

    yield make
    for client in clients:
        client.redis.close()


@pytest.fixture
def http(facade: Facade) -> FlaskClient:
    """A test client of the facade with the default settings."""
    return facade()


@pytest.fixture
def client(http: FlaskClient) -> Client:
    """The client that `http` sends its pages through."""
    found: Client = http.application.extensions["ocr_client"]
    return found


@pytest.fixture
def queued(redis: RedisServer) -> Queued:
    """``queued()`` is what waits for a worker, oldest first: the tasks' names, their sources and their options."""

    def look() -> list[tuple[str, Any, dict[str, Any]]]:
        messages = [json.loads(text) for text in waiting(redis.client)]
        bodies = [json.loads(base64.b64decode(message["body"])) for message in messages]
        return [(m["headers"]["task"], args[0], kwargs) for m, (args, kwargs, _) in zip(messages, bodies, strict=True)]

    return look
