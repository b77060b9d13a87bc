"""However a worker stops, and whatever becomes of its connection: what it held is read, once."""

import signal
from collections.abc import Callable

import pytest

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from tests.testlib.celery_setup import until_settled
from tests.testlib.image_server import Origin
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until, waiting

Start = Callable[..., Worker]
ALL_READ = {Status.COMPLETED}


def reads(*workers: Worker) -> list[str]:
    """Each time a page was read, the line that says so."""
    return [line for worker in workers for line in worker.log.splitlines() if "page read" in line]


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGTERM, signal.SIGQUIT), (signal.SIGINT, signal.SIGINT)],
    ids=["TERM+QUIT", "INT+INT"],
)
def test_a_second_signal_gives_back_what_is_held(
    client: Client, redis: RedisServer, start_worker: Start, first: signal.Signals, second: signal.Signals
) -> None:
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=60)
    ids = [client.submit_image(png()) for _ in range(10)]
    until(lambda: client.stats().processing == 4, what="a batch is in the engine")
    worker.signal(first)
    until(lambda: "shutdown: finishing 6 pages" in worker.log)
    worker.signal(second)
    worker.wait(15)
    assert len(waiting(redis.client)) == len(ids)
    assert not redis.client.hlen(keys.unacked("w1@test"))
    next_one = start_worker(OCR_SCRIPTED_SECONDS=0.1)
    assert {view.status for view in final(client, ids)} == ALL_READ
    assert len(reads(worker, next_one)) == len(ids)
    until_settled(redis)


def test_a_second_sigterm_changes_nothing(client: Client, redis: RedisServer, start_worker: Start) -> None:
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=1.5)
    ids = [client.submit_image(png()) for _ in range(4)]
    until(lambda: client.stats().processing == 4, what="a batch is in the engine")
    worker.signal(signal.SIGTERM)
    until(lambda: "shutdown: finishing 4 pages" in worker.log)
    worker.signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert {client.look_up(id).status for id in ids} == ALL_READ
    until_settled(redis)


def test_a_worker_that_stops_while_pages_wait_for_a_batch_does_not_wait_for_it_to_fill(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(OCR_BATCH_SIZE=8, OCR_BATCH_TIMEOUT=60, OCR_SCRIPTED_SECONDS=0.1)
    ids = [client.submit_image(png()) for _ in range(3)]
    until(lambda: redis.client.hlen(keys.unacked("w1@test")) == 3, what="they are held")
    worker.signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert {client.look_up(id).status for id in ids} == ALL_READ
    until_settled(redis)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_pages_held_while_redis_restarts_are_read_once_and_acknowledged_once(
    client: Client, redis: RedisServer, start_worker: Start, how: signal.Signals
) -> None:
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=3)
    ids = [client.submit_image(png(100 + i)) for i in range(6)]
    until(lambda: client.stats().processing == 4, what="a batch is in the engine, two pages are held ahead")
    redis.stop(how)
    until(lambda: "are kept" in worker.log, what="the worker has noticed")
    redis.start()
    views = final(client, ids)
    assert [view.result["width"] for view in views if view.result] == [100 + i for i in range(6)]
    until_settled(redis)
    assert len(reads(worker)) == len(ids), "each was read once"


def test_pages_that_are_finished_while_redis_is_away_are_stored_and_not_read_again(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=1)
    ids = [client.submit_image(png(100 + i)) for i in range(4)]
    until(lambda: client.stats().processing == 4, what="they are in the engine")
    redis.stop()
    until(lambda: len(reads(worker)) == 4, what="they are read")
    redis.start()
    views = final(client, ids)
    assert [view.result["width"] for view in views if view.result] == [100 + i for i in range(4)]
    until_settled(redis)
    assert len(reads(worker)) == 4


def test_pages_that_are_prepared_while_redis_is_away_wait_for_it(
    client: Client, redis: RedisServer, start_worker: Start, origin: Origin
) -> None:
    worker = start_worker(OCR_PREPARE_THREADS=1, OCR_SCRIPTED_SECONDS=0.1)
    ids = [client.submit_url(url) for url in (f"{origin.url}/gate/120", *map(origin.page, (121, 122, 123)))]
    until(lambda: redis.client.hlen(keys.unacked("w1@test")) == 4, what="one is fetched, three wait for their turn")
    redis.stop()
    origin.gate.set()
    until(lambda: "Redis unavailable: task " in worker.log)
    redis.start()
    views = final(client, ids)
    assert [view.result["width"] for view in views if view.result] == [120, 121, 122, 123]
    until_settled(redis)
    assert len(reads(worker)) == 4


def test_a_worker_that_stops_gives_back_pages_whose_turn_to_be_fetched_has_not_come(
    client: Client, redis: RedisServer, start_worker: Start, origin: Origin
) -> None:
    origin.gate.clear()
    worker = start_worker(OCR_PREPARE_THREADS=1, OCR_SCRIPTED_SECONDS=0.1)
    ids = [client.submit_url(url) for url in (f"{origin.url}/gate/120", *map(origin.page, (121, 122, 123)))]
    until(lambda: redis.client.hlen(keys.unacked("w1@test")) == 4, what="one is fetched, three wait for their turn")
    worker.signal(signal.SIGTERM)
    until(lambda: len(waiting(redis.client)) == 3, what="three are back in the queue")
    origin.gate.set()
    assert worker.wait() == 0
    next_one = start_worker(OCR_SCRIPTED_SECONDS=0.1)
    assert {view.status for view in final(client, ids)} == ALL_READ
    assert (len(reads(worker)), len(reads(next_one))) == (1, 3)
    until_settled(redis)


def test_connections_that_break_while_redis_lives_cost_nothing(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=2)
    ids = [client.submit_image(png(100 + i)) for i in range(12)]
    until(lambda: client.stats().processing == 4, what="a batch is in the engine")
    redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    redis.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    until(lambda: "are kept" in worker.log, what="the worker has noticed")
    views = final(client, ids)
    assert [view.result["width"] for view in views if view.result] == [100 + i for i in range(12)]
    until_settled(redis)
    assert len(reads(worker)) == len(ids), "each was read once"


def test_a_page_that_waits_for_its_time_survives_a_restart_of_redis(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(OCR_SCRIPTED_SECONDS=0.1)
    sent = client.app.send_task("ocr.image", [png()], countdown=4)
    until(lambda: redis.client.hlen(keys.unacked("w1@test")) == 1, what="it is held")
    redis.stop()
    redis.start()
    until(lambda: sent.status == "SUCCESS", what="it is read when it is time")
    until_settled(redis)
    assert len(reads(worker)) == 1


def test_a_page_that_waits_for_its_time_survives_the_death_of_its_worker(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    first = start_worker(OCR_SCRIPTED_SECONDS=0.1)
    sent = client.app.send_task("ocr.image", [png()], countdown=3)
    until(lambda: redis.client.hlen(keys.unacked("w1@test")) == 1, what="it is held")
    first.kill()
    start_worker(OCR_SCRIPTED_SECONDS=0.1)
    until(lambda: sent.status == "SUCCESS", what="it is read when it is time")
    until_settled(redis)
