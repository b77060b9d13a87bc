"""The queue is bounded exactly, however many processes take pages in at once; a full one says when to come again."""

import subprocess
import sys
from io import BytesIO

import pytest
from flask.testing import FlaskClient
from redis.exceptions import OutOfMemoryError

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.store.registry import Registry
from tests.testlib.processes import RedisServer, keys, png, waiting
from tests.testlib.worker_double import Facade, WorkerDouble, commands

URLS = ["http://a/", "http://b/", "http://c/"]

#: processes that send 40 pages each, at the same time, and say how many were taken in; forked after the imports, and before
#: anything is connected
SENDERS = """
from multiprocessing import get_context
from ocr_celery import client
from ocr_celery.errors import QueueFull
def send(_):
    client.default().app.amqp, client.stats()
    start.wait()
    taken = 0
    for _ in range(40):
        try:
            client.submit_url("http://a/")
            taken += 1
        except QueueFull:
            pass
    return taken
start = get_context("fork").Barrier(8)
with get_context("fork").Pool(8) as processes:
    print(*processes.map(send, range(8), chunksize=1))
"""


def send(http: FlaskClient) -> int:
    return http.post("/ocr/url", json={"url": "http://a/"}).status_code


def test_8_processes_at_once_take_in_exactly_what_there_is_room_for(redis: RedisServer) -> None:
    senders = subprocess.run(
        [sys.executable, "-c", SENDERS], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    taken = [int(number) for number in senders.stdout.split()]
    assert (len(taken), sum(taken)) == (8, 100), taken
    assert len(waiting(redis.client)) == 100


def test_a_full_queue_is_503_and_says_when_to_come_again(facade: Facade, redis: RedisServer) -> None:
    http = facade(max_queue_size=1)
    assert send(http) == 202
    for answer in (
        http.post("/ocr/url", json={"url": "http://a/"}),
        http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}),
        http.post("/ocr/url/batch", json={"urls": URLS}),
    ):
        assert answer.status_code == 503
        assert answer.json == {
            "detail": "Service is at full capacity. Please try again later.",
            "code": "queue_full",
        }
        assert int(answer.headers["Retry-After"]) > 0
    assert len(waiting(redis.client)) == 1
    assert redis.client.keys(keys.file("*")) == []
    assert redis.client.keys(keys.batch("*")) == []


def test_an_image_that_a_full_queue_refuses_does_not_travel_to_redis(facade: Facade, worker: WorkerDouble) -> None:
    http = facade(max_queue_size=1)
    client: Client = http.application.extensions["ocr_client"]
    id = http.post("/ocr/url", json={"url": "http://a/"}).json["task_id"]
    statuses = []

    def upload() -> None:
        statuses.append(http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}).status_code)

    assert commands(client, upload) == ["ZCARD", "ZCARD"]
    worker.complete(id)
    upload()
    assert statuses == [503, 202]


def test_a_batch_may_exceed_the_limit_unless_the_queue_is_full_already(facade: Facade, redis: RedisServer) -> None:
    http = facade(max_queue_size=2)
    assert send(http) == 202
    assert http.post("/ocr/url/batch", json={"urls": URLS}).status_code == 202
    assert http.get("/stats").json["pending"] == 4
    assert http.post("/ocr/url/batch", json={"urls": URLS}).status_code == 503
    assert send(http) == 503
    assert len(waiting(redis.client)) == 4


def test_a_page_that_is_read_still_counts_and_one_that_is_finished_does_not(
    facade: Facade, worker: WorkerDouble
) -> None:
    http = facade(max_queue_size=1)
    id = http.post("/ocr/url", json={"url": "http://a/"}).json["task_id"]
    worker.start(id)
    assert send(http) == 503
    worker.complete(id)
    assert send(http) == 202


def test_a_refused_page_can_be_sent_again(facade: Facade, worker: WorkerDouble) -> None:
    http = facade(max_queue_size=1)
    ids = []
    for _ in range(5):
        answer = http.post("/ocr/url", json={"url": "http://a/"})
        ids.append(answer.json["task_id"])
        assert send(http) == 503
        worker.fail(ids[-1], RuntimeError())
    assert len(set(ids)) == 5


def test_an_image_stays_for_as_long_as_its_page_waits_and_goes_with_a_refusal(
    facade: Facade, redis: RedisServer
) -> None:
    http = facade(max_queue_size=1)
    redis.client.script_flush()  # as in a Redis that has just been started
    assert http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}).status_code == 202
    assert http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}).status_code == 503
    (image,) = redis.client.keys(keys.file("*"))
    assert redis.client.get(image) == png()
    assert redis.client.ttl(image) == -1


def test_a_page_is_taken_in_once_however_often_it_is_asked(redis: RedisServer) -> None:
    registry = Registry(redis.client, keys, keep=60)
    for _ in range(2):  # the second as after a connection that broke before it was answered
        taken, unfinished = registry.admission.admit(
            ["one"], [("LPUSH", keys.lane("single"), "a page")], now=1.0, blob=png()
        )
        assert (taken, unfinished) == (True, 1)
    assert waiting(redis.client) == [b"a page"]
    assert redis.client.ttl(keys.blob("one")) == -1


@pytest.mark.parametrize("now", [1764462866.1234569, 1764462866.4999995, 1764462866.99999949])
def test_the_pages_of_a_batch_wait_in_their_order_whenever_they_came(redis: RedisServer, now: float) -> None:
    ids = [f"{n:03}" for n in range(500, 0, -1)]
    Registry(redis.client, keys, keep=60).admission.admit(ids, [], now=now)
    assert redis.client.zrange(keys.counted(Status.PENDING), 0, -1) == [id.encode() for id in ids]


def test_a_page_whose_image_could_not_be_stored_is_not_taken_in(redis: RedisServer) -> None:
    registry = Registry(redis.client, keys, keep=60)
    touched = [
        *map(keys.counted, (Status.PENDING, Status.PROCESSING, Status.FAILED)),
        keys.task("one"),
        keys.blob("one"),
    ]
    with pytest.raises(OutOfMemoryError):
        registry.admission._admit(keys=touched, args=[1.0, 0, 1, 1, 0, "", 60, 60, "one", "", ""])
    assert redis.client.keys("*") == []
