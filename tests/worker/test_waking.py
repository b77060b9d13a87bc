"""A message wakes one of the workers that wait, and waits for none that is dead or has no room."""

import json
import signal
import time
from collections.abc import Callable

from ocr_celery.client import Client
from ocr_celery.store.unacked import return_handed
from tests.testlib.celery_setup import until_settled
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until, waiting

Start = Callable[..., Worker]
QUICK: dict[str, object] = {"OCR_SCRIPTED_SECONDS": 0, "OCR_BATCH_TIMEOUT": 0}
PAGES = 60


def takes(redis: RedisServer) -> int:
    """How often messages were taken so far: the only step that is not called by its hash."""
    return int(redis.client.info("commandstats").get("cmdstat_eval", {}).get("calls", 0))


def test_a_message_wakes_one_of_three_idle_workers(client: Client, redis: RedisServer, start_worker: Start) -> None:
    for name in ("w1", "w2", "w3"):
        start_worker(name, **QUICK)
    before, began = takes(redis), time.monotonic()
    for number in range(PAGES):
        final(client, [client.submit_image(png(100 + number))])
    in_vain = 3 * (time.monotonic() - began + 2)  # each also looks once a second, for messages of lower priority
    assert takes(redis) - before <= 1.2 * PAGES + in_vain
    until_settled(redis)


def waits_for_message(redis: RedisServer) -> bool:
    return any(entry["cmd"] == "blmove" and "b" in entry["flags"] for entry in redis.client.client_list())


def submit_to_stopped(client: Client, redis: RedisServer, worker: Worker) -> str:
    """Submit a page that Redis hands to a worker stopped in its wait. A wait is over within a second: then try again."""
    while True:
        until(lambda: waits_for_message(redis), what="the worker waits")
        worker.signal(signal.SIGSTOP)
        id = client.submit_image(png(120))
        until(lambda: redis.client.llen(keys.handed("w1@test")) or not waits_for_message(redis), what="its wait ends")
        if redis.client.llen(keys.handed("w1@test")):
            return id
        worker.signal(signal.SIGCONT)
        final(client, [id])


def test_what_was_handed_to_a_worker_that_died_in_that_moment_is_read(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker("w1", **QUICK)
    id = submit_to_stopped(client, redis, worker)
    behind = client.submit_image(png(121))
    start_worker("w2", **QUICK)
    worker.kill()
    views = final(client, [id, behind])
    assert [view.result and view.result["width"] for view in views] == [120, 121]
    until_settled(redis)
    assert not redis.client.exists(keys.handed("w1@test"))


def test_a_worker_that_stops_keeps_nothing_that_was_handed_to_it(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker("w1", OCR_SCRIPTED_SECONDS=0.05)
    for number in range(40):
        client.submit_image(png(100 + number))
        if number == 20:
            worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert not redis.client.exists(keys.handed("w1@test"), keys.unacked("w1@test"))
    done = client.stats().completed
    left = {json.loads(text)["headers"]["id"] for text in waiting(redis.client)}
    assert done + len(left) == 40


def hand_over(redis: RedisServer, node: str) -> None:
    """As Redis does where the last wait for a message is answered late, if it has not done so."""
    redis.client.lmove("ocr", keys.handed(node), "RIGHT", "LEFT")


def test_what_is_handed_to_a_worker_that_stops_is_read_while_it_finishes(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    stops = start_worker("w1", OCR_SCRIPTED_HANG="hang", OCR_PAGE_DEADLINE=600)
    client.submit_image(png(), prompt="hang")
    until(lambda: client.stats().processing == 1, what="it reads a page that takes long")
    stops.signal(signal.SIGTERM)
    until(lambda: "shutdown: finishing" in stops.log, what="it stops")
    id = client.submit_image(png(120))
    hand_over(redis, "w1@test")
    start_worker("w2", **QUICK)
    (view,) = final(client, [id])
    assert view.result is not None
    assert stops.process.poll() is None, "it still finishes its own"


def test_what_is_handed_to_a_worker_that_reads_another_queue_by_now_is_read(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker("w1", **QUICK)
    assert client.app.control.cancel_consumer("ocr", reply=True, timeout=30, destination=[worker.name])
    id = client.submit_image(png(120))
    hand_over(redis, "w1@test")
    start_worker("w2", **QUICK)
    (view,) = final(client, [id])
    assert view.result is not None


def test_what_was_handed_over_goes_back_in_its_order(redis: RedisServer) -> None:
    for text in ("first", "second"):
        redis.client.lpush("ocr", text)
    for _ in range(2):
        hand_over(redis, "w1@test")
    return_handed(redis.client, keys, "w1@test")
    assert [redis.client.rpop("ocr") for _ in range(2)] == [b"first", b"second"]
