"""A page that kills or blocks whoever reads it fails alone; its neighbours are read, and nobody else is suspected for long."""

import signal
import time
from collections.abc import Callable

from ocr_celery.client import Client
from ocr_celery.core.quarantine import SUSPECT_WARMUP
from ocr_celery.core.status import Status
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until

Start = Callable[..., Worker]
QUICK = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.1}


def run_until_final(client: Client, ids: list[str], start: Callable[[], Worker]) -> int:
    """Start the worker again whenever it ends; answers how often it did."""
    worker, ends, left = start(), 0, list(ids)

    def settled() -> bool:
        nonlocal worker, ends
        if worker.process.poll() is not None:
            worker, ends = start(), ends + 1
        while left and client.look_up(left[-1]).status.final:
            left.pop()
        return not left

    until(settled, timeout=90, what="all pages are final")
    return ends


def codes_or_statuses(client: Client, ids: list[str]) -> list[str]:
    return [view.error.code if view.error else str(view.status) for view in map(client.look_up, ids)]


def test_a_page_that_kills_its_worker_is_failed_and_its_neighbours_are_read(
    client: Client, start_worker: Start
) -> None:
    ids = [client.submit_image(png(), prompt="poison" if n == 2 else f"n {n}") for n in range(8)]
    ends = run_until_final(client, ids, lambda: start_worker(OCR_SCRIPTED_KILL="poison", ready=False, **QUICK))
    assert codes_or_statuses(client, ids) == ["worker_killed" if n == 2 else "completed" for n in range(8)]
    assert ends == 4  # twice among others, which makes it a suspect, and twice alone


def test_a_page_that_kills_its_worker_while_nothing_else_is_inside_is_failed_the_second_time(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    def start() -> Worker:
        return start_worker(OCR_SCRIPTED_KILL="poison", ready=False, **QUICK)

    first = start()
    before = client.submit_image(png())
    until(lambda: client.look_up(before).status.final, what="a page is read")
    up = time.monotonic()
    until(
        lambda: time.monotonic() > up + SUSPECT_WARMUP,
        what="the worker has lived long enough for its death to say something",
    )
    id = client.submit_image(png(), prompt="poison")
    first.wait()
    assert run_until_final(client, [id], start) == 1
    assert codes_or_statuses(client, [id]) == ["worker_killed"]


def test_a_page_that_kills_whoever_prepares_it_is_failed_and_its_neighbours_are_read(
    client: Client, start_worker: Start
) -> None:
    ids = [client.submit_image(png(), prompt="poison" if n == 2 else f"n {n}") for n in range(8)]
    ends = run_until_final(client, ids, lambda: start_worker(OCR_SCRIPTED_KILL_EARLY="poison", ready=False, **QUICK))
    assert codes_or_statuses(client, ids) == ["worker_killed" if n == 2 else "completed" for n in range(8)]
    assert ends == 5  # once unseen, as it had not been delivered before; twice among others, twice alone


def test_an_engine_that_breaks_over_one_page_is_believed_sooner(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(), prompt="poison" if n == 2 else f"n {n}") for n in range(8)]
    ends = run_until_final(client, ids, lambda: start_worker(OCR_SCRIPTED_BREAK="poison", ready=False, **QUICK))
    assert codes_or_statuses(client, ids) == ["engine_killed" if n == 2 else "completed" for n in range(8)]
    assert ends == 3


def test_a_page_that_never_ends_is_failed_and_its_neighbours_are_read(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(), prompt="stuck" if n == 1 else f"n {n}") for n in range(6)]
    ends = run_until_final(
        client, ids, lambda: start_worker(OCR_SCRIPTED_HANG="stuck", OCR_PAGE_DEADLINE=1.5, ready=False, **QUICK)
    )
    assert codes_or_statuses(client, ids) == ["page_deadline" if n == 1 else "completed" for n in range(6)]
    assert ends == 2


def test_pages_that_were_inside_when_somebody_killed_the_worker_are_read(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    ids = [client.submit_image(png()) for _ in range(4)]
    for _ in range(3):
        worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=60)
        until(lambda: redis.client.hlen(keys.inside("w1@test")), what="a page is in the engine")
        worker.kill()
    start_worker(**QUICK)
    assert {view.status for view in final(client, ids)} == {Status.COMPLETED}


def test_a_page_that_is_inside_whenever_somebody_kills_a_worker_that_has_just_started_is_read(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    id = client.submit_image(png())
    for _ in range(6):
        worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=60)
        others = [client.submit_image(png()) for _ in range(2)]
        until(lambda: redis.client.hlen(keys.inside("w1@test")), what="a page is in the engine")
        worker.kill()
    start_worker(**QUICK)
    assert {view.status for view in final(client, [id, *others])} == {Status.COMPLETED}
    assert not redis.client.hget(keys.task(id), "alone")


def test_a_single_death_of_the_engine_is_not_laid_to_the_page_that_was_alone_inside(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    first = start_worker(OCR_SCRIPTED_DIE_AFTER=2, **QUICK)
    before = client.submit_image(png())
    until(lambda: client.look_up(before).status.final, what="a page is read")
    up = time.monotonic()
    until(lambda: time.monotonic() > up + SUSPECT_WARMUP, what="the worker has been at work long enough")
    id = client.submit_image(png())
    first.wait()
    assert redis.client.hget(keys.task(id), "alone") == b"1"
    start_worker(**QUICK)
    assert {view.status for view in final(client, [id])} == {Status.COMPLETED}


def test_a_page_that_outlasts_the_patience_of_who_stops_the_worker_is_not_to_blame(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    id = client.submit_image(png())
    for _ in range(3):
        worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=60)
        until(lambda: redis.client.hlen(keys.inside("w1@test")), what="the page is in the engine")
        worker.signal(signal.SIGTERM)
        until(lambda worker=worker: "shutdown: finishing" in worker.log, what="it waits for the page")
        worker.kill()
    start_worker(**QUICK)
    assert {view.status for view in final(client, [id])} == {Status.COMPLETED}
    assert not redis.client.hget(keys.task(id), "deaths")


def test_an_orderly_end_lays_no_blame_on_anyone(client: Client, redis: RedisServer, start_worker: Start) -> None:
    ids = [client.submit_image(png()) for _ in range(4)]
    for how in (signal.SIGQUIT, signal.SIGQUIT):
        worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=60)
        until(lambda: redis.client.hlen(keys.inside("w1@test")) == 4, what="the pages are in the engine")
        worker.signal(how)
        worker.wait()
    start_worker(**QUICK)
    assert {view.status for view in final(client, ids)} == {Status.COMPLETED}
    assert [redis.client.hget(keys.task(id), "deaths") for id in ids] == [None] * 4
