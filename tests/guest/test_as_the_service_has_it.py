"""What a client does not say is as the service has it: its facade says what is taken in, its workers how pages are read."""

import json
from collections.abc import Iterator

import pytest
import requests
from redis import Redis

from ocr_celery.client import Client
from ocr_celery.core import prompts
from ocr_celery.errors import QueueFull
from ocr_celery.settings import Settings
from ocr_celery.store.keys import Keys
from tests.testlib.facade_process import served
from tests.testlib.processes import RedisServer, Worker, final, png, until

KEYS = Keys(Settings().queue)
#: of the service; the client in these tests has none of them
SERVICE = {"OCR_DEFAULT_PROMPT": prompts.FREE_OCR, "OCR_TASK_TTL": 7200, "OCR_BATCH_SIZE": 2}


@pytest.fixture
def worker(redis: RedisServer) -> Iterator[Worker]:
    worker = Worker("w1", redis.url, {**SERVICE, "OCR_MAX_QUEUE_SIZE": 5000})
    worker.wait_ready()
    yield worker
    worker.end()


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    """Of a process that says nothing but where the service is."""
    client = Client(Settings(redis_url=redis.url))
    yield client
    client.redis.close()


@pytest.fixture
def facade(redis: RedisServer) -> Iterator[str]:
    """The address of a facade that takes in 3 pages at once, and would read them otherwise than the worker does."""
    own = {"OCR_MAX_QUEUE_SIZE": 3, "OCR_TASK_TTL": 5, "OCR_BATCH_SIZE": 1, "OCR_DEFAULT_MAX_TOKENS": 1}
    with served(redis.url, **own) as server:
        yield server.url


def said(redis: RedisServer, *roles: str) -> bool:
    return all(redis.client.hexists(KEYS.service, role) for role in roles)


def test_a_page_is_read_as_the_worker_is_set_to_read(
    worker: Worker, facade: str, client: Client, redis: RedisServer
) -> None:
    until(lambda: said(redis, "facade", "worker"))
    sent = requests.post(f"{facade}/ocr", files={"file": png(150)}, timeout=30).json()["task_id"]
    ids = [client.submit_image(png(150)), client.submit_image(png(150), prompt="Describe."), sent]
    texts = [(view.result or {})["text"] for view in final(client, ids)]
    assert texts == ["page of 150 x 20, Free OCR.", "page of 150 x 20, Describe.", "page of 150 x 20, Free OCR."]
    assert client.defaults.prompt == prompts.FREE_OCR
    assert client.defaults.max_tokens == 8192


def test_the_facade_s_limit_and_the_worker_s_times_are_the_client_s(
    worker: Worker, facade: str, client: Client, redis: RedisServer
) -> None:
    until(lambda: said(redis, "facade", "worker"))
    assert client.stats().queue_limit == requests.get(f"{facade}/stats", timeout=30).json()["queue_limit"] == 3
    reference = client.store_image(b"an image")
    assert 3600 < redis.client.ttl(KEYS.blob(reference.removeprefix("blob:"))) <= 7200


def test_without_a_facade_the_worker_s_limit_is_the_service_s(
    worker: Worker, client: Client, redis: RedisServer
) -> None:
    until(lambda: said(redis, "worker"))
    assert client.stats().queue_limit == 5000


def test_a_full_service_refuses_a_client_that_would_take_more(redis: RedisServer, client: Client) -> None:
    publish(redis, Settings(max_queue_size=2, batch_size=1))
    assert client.submit_url("http://a/")
    assert client.submit_batch(["http://a/"])
    with pytest.raises(QueueFull):
        client.submit_url("http://a/")


def publish(redis: RedisServer, settings: Settings) -> None:
    with Redis.from_url(redis.url) as own:
        own.hset(KEYS.service, "facade", settings.facts().record(now=float(own.time()[0])))


def test_the_record_is_asked_for_once_and_not_with_every_page(redis: RedisServer, client: Client) -> None:
    publish(redis, Settings())
    client.submit_url("http://a/")
    before = asked(redis)
    for _ in range(20):
        client.submit_url("http://a/")
        client.stats()
    assert asked(redis) == before


def asked(redis: RedisServer) -> int:
    return int(redis.client.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"])


@pytest.mark.parametrize("record", [b"\xff", b"[]", b'{"at": 1e999, "queue_limit": -1, "options": {"prompt": 7}}'])
def test_a_record_that_somebody_spoilt_stops_no_client(redis: RedisServer, client: Client, record: bytes) -> None:
    redis.client.hset(KEYS.service, mapping={"facade": record, "worker": record})
    assert client.submit_url("http://a/")
    assert client.stats().queue_limit == 100


def test_a_worker_that_reads_another_queue_makes_the_service_not_ready(facade: str, redis: RedisServer) -> None:
    worker = Worker("w1", redis.url, {}, "-Q", "scans")
    try:
        worker.wait_ready()
        until(lambda: "scans" in requests.get(f"{facade}/ready", timeout=30).text)
        answer = requests.get(f"{facade}/ready", timeout=30)
        assert answer.status_code == 503
        queue = Settings().queue
        assert answer.json() == {
            "detail": f"No worker reads the queue {queue}, where pages wait; other queues have workers: scans.",
            "code": "not_ready",
        }
        assert json.loads(redis.client.hget(KEYS.service, "worker") or "{}")["queues"] == ["scans"]
    finally:
        worker.end()
