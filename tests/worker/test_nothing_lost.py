"""What is accepted is read, once, whatever happens to the processes on the way."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until, waiting

Start = Callable[..., Worker]


def settled(redis: RedisServer) -> bool:
    """Nothing waits, nothing is held, no stored image is left, no task is open."""
    held = [redis.client.hlen(key) for key in redis.client.scan_iter(keys.unacked("*"))]
    blobs = list(redis.client.scan_iter(keys.file("*")))
    open_tasks = redis.client.zcard(keys.counted(Status.PENDING)) + redis.client.zcard(keys.counted(Status.PROCESSING))
    return not sum(held) and not blobs and not open_tasks and not waiting(redis.client)


def test_10_kills_while_150_pages_flow_lose_none_and_read_none_twice_after_it_was_finished(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    ids: list[str] = []
    finished_before: list[set[str]] = []  # by then, at each kill
    logs: list[str] = []
    for round_ in range(10):
        worker = start_worker("w1", OCR_BATCH_SIZE=8, OCR_SCRIPTED_SECONDS=0.3)
        ids += [client.submit_image(png(100 + len(ids) + i), prompt=f"n {len(ids) + i}") for i in range(15)]
        wanted = min(len(ids), 8 * round_ + random.randrange(8))
        until(partial(some_completed, client, wanted), what=f"{wanted} pages are read")
        worker.kill()
        logs.append(worker.log)
        finished_before.append({id for id in ids if client.look_up(id).status.final})
    left, restarted = len(ids) - client.stats().completed, time.time()
    worker = start_worker("w1", OCR_BATCH_SIZE=8, OCR_SCRIPTED_SECONDS=0.3)
    views = final(client, ids)
    logs.append(worker.log)
    took, reading = max(view.updated_at for view in views) - restarted, 0.3 * (left / 8 + 1)
    print(
        f"{left} pages were left at the last restart; the last was read {took - reading:.1f} s after it plus their reading"
    )
    assert took - reading < 10
    assert Counter(view.status for view in views) == {Status.COMPLETED: 150}
    assert [view.result["text"] for view in views if view.result] == [
        f"page of {100 + i} x 20, n {i}" for i in range(150)
    ]
    for before, log in zip(finished_before, logs[1:], strict=True):
        again = {id for id in before if f'"{id}"' in "".join(line for line in log.splitlines() if "page read" in line)}
        assert not again, "read again although it was finished"
    until(lambda: settled(redis), what="nothing is left over")


def some_completed(client: Client, wanted: int) -> bool:
    return client.stats().completed >= wanted


def test_a_surviving_worker_takes_over_what_a_dead_node_that_never_returns_held(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    dead = start_worker("dead", OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=60)
    ids = [client.submit_image(png()) for _ in range(4)]
    until(lambda: client.stats().processing == 4, what="the pages are in the engine")
    start_worker("alive", OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=0.1)
    dead.kill()
    assert {view.status for view in final(client, ids)} == {Status.COMPLETED}
    until(lambda: settled(redis), what="nothing is left over")


def test_two_live_processes_never_share_a_node_name(start_worker: Start) -> None:
    first = start_worker("twin")
    second = start_worker("twin", ready=False)
    assert second.wait() != 0
    assert "another live worker is called twin@test" in second.log
    assert f"waiting for the name twin@test: its lease belongs to process {first.process.pid} of " in second.log
    assert first.process.poll() is None


def test_sigterm_finishes_what_is_held(client: Client, redis: RedisServer, start_worker: Start) -> None:
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=1)
    ids = [client.submit_image(png()) for _ in range(20)]
    until(lambda: client.stats().processing == 4, what="a batch is in the engine")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    stats = client.stats()
    assert stats.processing == 0
    assert stats.completed >= 4
    assert stats.completed + len(waiting(redis.client)) == len(ids)
    assert not redis.client.hlen(keys.unacked("w1@test"))


def test_sigquit_gives_back_what_is_held_at_once(client: Client, redis: RedisServer, start_worker: Start) -> None:
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=60)
    ids = [client.submit_image(png()) for _ in range(6)]
    until(lambda: client.stats().processing == 4, what="a batch is in the engine")
    worker.signal(signal.SIGQUIT)
    worker.wait()
    assert len(waiting(redis.client)) == 6
    assert "connection to Redis lost" not in worker.log
    start_worker(OCR_SCRIPTED_SECONDS=0.1)
    assert {view.status for view in final(client, ids)} == {Status.COMPLETED}


def test_when_the_engine_breaks_the_pages_go_back_and_the_worker_exits_with_an_error(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    ids = [client.submit_image(png()) for _ in range(12)]  # all wait before a worker is there, so that batches are full
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_DIE_AFTER=6, OCR_SCRIPTED_SECONDS=0.2)
    assert worker.wait() not in (0, None)
    assert "connection to Redis lost" not in worker.log
    assert client.stats().completed == 4
    assert len(waiting(redis.client)) == 8
    start_worker()
    assert {view.status for view in final(client, ids)} == {Status.COMPLETED}


def test_a_redis_that_is_killed_and_comes_back_loses_no_page(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    start_worker(OCR_BATCH_SIZE=8, OCR_SCRIPTED_SECONDS=0.5)
    ids = [client.submit_image(png(100 + i)) for i in range(60)]
    until(lambda: client.stats().completed >= 8, what="some pages are read")
    # everysec: the last second may be lost with a machine, not with the process alone
    with redis.away():
        pass
    views = final(client, ids)
    assert [view.result["width"] for view in views if view.result] == [100 + i for i in range(60)]
    until(lambda: settled(redis), what="nothing is left over")


def test_a_page_whose_message_was_purged_is_failed_by_the_sweep_and_frees_its_place(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    id = client.submit_image(png())
    redis.client.delete("ocr")  # by another program: a purge of ours fails it at once
    redis.client.zadd(keys.counted(Status.PENDING), {id: 1})  # as if it had been quiet for long
    start_worker(OCR_CLEANUP_INTERVAL=0.5)
    (view,) = final(client, [id])
    assert view.error is not None
    assert view.error.code == "page_lost"
    until(lambda: settled(redis), what="nothing is left over")


def test_a_batch_ends_although_the_message_of_a_page_is_lost(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    batch = client.submit_batch([f"http://127.0.0.1:1/{n}.png" for n in range(3)])
    redis.client.rpop("ocr")
    for id in (task.id for _, task in client.look_up_batch(batch).items):
        redis.client.zadd(keys.counted(Status.PENDING), {id: 1})  # as if it had been quiet for long
    start_worker(OCR_CLEANUP_INTERVAL=0.5, OCR_URL_ALLOW="")
    until(lambda: client.look_up_batch(batch).status.final, what="the batch is final")
    errors = [task.error and task.error.code for _, task in client.look_up_batch(batch).items]
    assert sorted(map(str, errors)) == ["address_refused", "address_refused", "page_lost"]


def test_a_page_that_is_finished_while_redis_is_away_is_acknowledged_when_it_is_back(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(OCR_BATCH_SIZE=8, OCR_SCRIPTED_SECONDS=0.5)
    for n in (1, 2):
        ids = [client.submit_image(png(100 + i)) for i in range(40)]
        until(lambda: client.stats().processing >= 8, what="pages are in the engine")
        with redis.away():
            until(partial(says, worker, "Failed operation _store_result", n), what="a page is finished meanwhile")
        assert {view.status for view in final(client, ids)} == {Status.COMPLETED}
        until(lambda: settled(redis), what="nothing is left over")
    assert worker.process.poll() is None


def says(worker: Worker, text: str, times: int) -> bool:
    return worker.log.count(text) >= times
