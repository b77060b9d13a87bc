"""Two services and a Celery application that is not ours share a Redis, and none of them notices the others."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import QueueFull
from ocr_celery.settings import Settings
from ocr_celery.store.keys import Keys
from tests.testlib.processes import RedisServer, Worker, final, png, until

Start = Callable[..., Worker]
EACH = 100  #: pages of each service; the widths of their pictures are apart
QUICK: dict[str, object] = {"OCR_SCRIPTED_SECONDS": 0.05, "OCR_CLEANUP_INTERVAL": 0.5}
FOREIGN = """
from celery import Celery
app = Celery(broker={url!r}, backend={url!r})
app.conf.broker_connection_retry_on_startup = True

@app.task(name="add")
def add(a, b):
    return a + b
"""


def service(redis: RedisServer, queue: str, **settings: Any) -> Client:
    return Client(Settings(redis_url=redis.url, queue=queue, **settings))


@pytest.fixture
def services(redis: RedisServer) -> Iterator[tuple[Client, Client]]:
    both = service(redis, "alpha", max_queue_size=1000), service(redis, "beta", max_queue_size=1000)
    yield both
    for client in both:
        client.redis.close()


@pytest.fixture
def foreign(redis: RedisServer, tmp_path: Path) -> Iterator[None]:
    """A worker of another Celery application, with all that Celery takes where nothing is said."""
    (tmp_path / "other.py").write_text(FOREIGN.format(url=redis.url))
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "other",
        "worker",
        "--pool",
        "solo",
        "-n",
        "other@test",
        "-l",
        "info",
    ]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log, env=dict(os.environ))
    try:
        until(lambda: "ready." in (tmp_path / "log").read_text(), timeout=60, what="the other application is ready")
        yield
        said = (tmp_path / "log").read_text()
        assert "unregistered task" not in said
        assert "ERROR" not in said
    finally:
        process.terminate()
        process.wait(30)


def test_each_reads_its_own_and_nothing_else(
    services: tuple[Client, Client], foreign: None, redis: RedisServer, start_worker: Start
) -> None:
    from celery import Celery

    alpha, beta = services
    workers = [start_worker(f"{name}1", OCR_QUEUE=name, **QUICK) for name in ("alpha", "beta")]
    other = Celery("caller", broker=redis.url, backend=redis.url, set_as_current=False)
    other.conf.task_routes = {"ocr.*": {"queue": "beta"}}
    sums, named = [], []
    ids: dict[Client, list[str]] = {alpha: [], beta: []}
    for n in range(EACH):
        sums.append(other.send_task("add", [n, 1]))
        named.append(other.send_task("ocr.image", [png(300 + n)]))
        for client, width in ((alpha, 100), (beta, 200)):
            ids[client].append(client.submit_image(png(width + n)))
    batch = beta.submit_batch(["no address", "none either"])
    assert [sent.get(timeout=60) for sent in sums] == [n + 1 for n in range(EACH)]
    assert [sent.get(timeout=60)["width"] for sent in named] == [300 + n for n in range(EACH)]
    for client, width in ((alpha, 100), (beta, 200)):
        assert [v.result["width"] for v in final(client, ids[client]) if v.result] == [width + n for n in range(EACH)]
    until(lambda: beta.look_up_batch(batch).status.final, what="the batch is finished")
    assert (alpha.stats().completed, alpha.stats().failed) == (EACH, 0)
    assert (beta.stats().completed, beta.stats().failed) == (2 * EACH, 2)
    assert all("unregistered task" not in worker.log for worker in workers)
    other.close()


def test_limit_counts_and_readiness_are_apart(
    services: tuple[Client, Client], redis: RedisServer, start_worker: Start
) -> None:
    alpha, beta = services
    beta.submit_image(png())
    with pytest.raises(QueueFull):
        service(redis, "beta", batch_size=1, max_queue_size=1).submit_image(png())
    service(redis, "alpha", batch_size=1, max_queue_size=1).submit_image(png())
    start_worker("alpha1", OCR_QUEUE="alpha", **QUICK)
    until(lambda: alpha.stats().workers == 1, what="the worker is ready")
    until(lambda: alpha.stats().pending == 0, what="its page is taken")
    assert (beta.stats().workers, beta.stats().pending, beta.stats().failed) == (0, 1, 0)


def test_a_sweeper_leaves_the_waiting_pages_of_another_service_in_peace(
    services: tuple[Client, Client], redis: RedisServer, start_worker: Start
) -> None:
    alpha, beta = services
    id = beta.submit_image(png())
    lost = alpha.submit_image(png())
    redis.client.delete("alpha")  # its message, as by a purge
    for keys, task in ((Keys("alpha"), lost), (Keys("beta"), id)):
        redis.client.zadd(keys.counted(Status.PENDING), {task: 1})  # as if both had been quiet for long
    start_worker("alpha1", OCR_QUEUE="alpha", **QUICK)
    assert final(alpha, [lost])[0].error is not None  # two sweeps
    assert beta.look_up(id).status is Status.PENDING
    start_worker("beta1", OCR_QUEUE="beta", **QUICK)
    assert final(beta, [id])[0].status is Status.COMPLETED


def test_two_services_may_give_their_workers_the_same_name(
    services: tuple[Client, Client], start_worker: Start
) -> None:
    alpha, beta = services
    first = start_worker("ocr1", OCR_QUEUE="alpha", **QUICK)
    start_worker("ocr1", OCR_QUEUE="beta", **QUICK)
    ids = [beta.submit_image(png()), alpha.submit_image(png())]
    assert final(beta, ids[:1])[0].status is final(alpha, ids[1:])[0].status is Status.COMPLETED
    assert first.process.poll() is None
