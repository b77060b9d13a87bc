"""Whoever runs the service sees whether it lives, whether it works, and how much there is to do."""

import time

import pytest
from flask.testing import FlaskClient

from ocr_celery import __version__
from ocr_celery.client import Client
from ocr_celery.errors import EmptyFile
from tests.testlib.processes import RedisServer, keys
from tests.testlib.service_calls import CALLS
from tests.testlib.worker_double import Facade, WorkerDouble

NOT_READY = "No worker with a loaded engine is ready yet; tasks are accepted and wait."
NOBODY_READS = "No worker with a loaded engine reads the queue {} yet; tasks are accepted and wait."

OK = {"redis": "ok", "eviction": "noeviction"}


def announce(redis: RedisServer, *nodes: str, until: float = 8) -> None:
    """Say what a worker says while its engine is loaded."""
    redis.client.zadd(keys.workers, {node: time.time() + until for node in nodes})


def test_without_a_worker_the_service_is_degraded_and_not_ready(http: FlaskClient, client: Client) -> None:
    health, ready = http.get("/health"), http.get("/ready")
    assert health.status_code == 200
    assert health.json == {"status": "degraded", "message": NOT_READY, "checks": {**OK, "workers": 0}}
    assert ready.status_code == 503
    assert ready.json == {"detail": NOBODY_READS.format(client.settings.queue), "code": "not_ready"}
    assert int(ready.headers["Retry-After"]) > 0


@pytest.mark.parametrize(("nodes", "message"), [(["a"], "1 worker is ready."), (["a", "b"], "2 workers are ready.")])
def test_with_a_worker_it_is_healthy_and_ready(
    http: FlaskClient, redis: RedisServer, nodes: list[str], message: str
) -> None:
    announce(redis, *nodes)
    health, ready = http.get("/health"), http.get("/ready")
    assert health.status_code == 200
    assert health.json == {
        "status": "healthy",
        "message": message,
        "checks": {**OK, "workers": len(nodes)},
    }
    assert ready.status_code == 200
    assert ready.json == {"ready": True, "workers": len(nodes)}


def test_a_worker_not_heard_of_for_some_seconds_does_not_count(http: FlaskClient, redis: RedisServer) -> None:
    announce(redis, "quiet", until=-0.1)
    assert http.get("/health").json["status"] == "degraded"
    assert http.get("/ready").status_code == 503


def test_stats_count_what_stands_where(facade: Facade, worker: WorkerDouble, redis: RedisServer) -> None:
    http = facade(max_queue_size=45)
    nothing = dict.fromkeys(("total", "pending", "processing", "completed", "failed"), 0)
    assert http.get("/stats").json == {**nothing, "queue_limit": 45, "workers": 0}
    client: Client = http.application.extensions["ocr_client"]
    ids = [client.submit_url("http://a/") for _ in range(10)]
    announce(redis, "a")
    for id in ids[:7]:
        worker.start(id)
    for id in ids[:4]:
        worker.complete(id)
    worker.fail(ids[4], EmptyFile())
    answer = http.get("/stats")
    assert answer.status_code == 200
    assert answer.json == {
        "total": 10,
        "pending": 3,
        "processing": 2,
        "completed": 4,
        "failed": 1,
        "queue_limit": 45,
        "workers": 1,
    }


def test_the_root_says_what_this_is_and_names_every_call(http: FlaskClient) -> None:
    answer = http.get("/")
    assert answer.status_code == 200
    assert {name: answer.json[name] for name in ("name", "version", "docs")} == {
        "name": "ocr-celery",
        "version": __version__,
        "docs": "/docs",
    }
    assert set(answer.json["endpoints"]) == CALLS
