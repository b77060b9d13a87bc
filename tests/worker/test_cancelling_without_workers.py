"""Cancelling needs no worker: the one that comes later reads nothing of it, and still counts what chords wait for."""

from collections.abc import Callable

import pytest
from celery import Celery, chord
from celery.result import AsyncResult

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import TaskNotFound
from tests.testlib.celery_setup import settled, until_settled
from tests.testlib.processes import RedisServer, Worker, keys, png, until, waiting

Start = Callable[..., Worker]
URLS = [f"http://127.0.0.1:1/{n}.jpg" for n in range(450)]


def test_a_page_and_a_batch_are_final_at_once_and_their_messages_are_taken_unread(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    id, batch = client.submit_image(png()), client.submit_batch(URLS)
    view, whole = client.cancel(id), client.cancel_batch(batch)
    assert (view.status, whole.status, client.stats().pending) == (Status.FAILED, Status.FAILED, 0)
    assert not redis.client.exists(keys.blob(id))
    worker = start_worker()
    result = until(lambda: AsyncResult(batch, app=client.app).result, what="the batch is collected")
    assert (result["total"], result["failed"]) == (450, 450)
    assert {part["code"] for part in result["outcomes"]} == {"cancelled"}
    until_settled(redis)
    assert "page failed" not in worker.log
    assert "page read" not in worker.log


def test_a_chord_of_another_service_gets_the_cancelled_part(client: Client, start_worker: Start) -> None:
    pages = [client.app.signature("ocr.image", [client_image], queue="ocr") for client_image in (png(), png(120))]
    body = client.app.signature("ocr.collect", queue="ocr")
    worker = start_worker("w1", OCR_BATCH_SIZE=1, OCR_SCRIPTED_HANG="hang")
    hangs = client.submit_image(png(), prompt="<image> hang")
    until(lambda: client.look_up(hangs).status is Status.PROCESSING)
    sent = chord(pages, app=client.app)(body)
    ids = [part.id for part in sent.parent.results]
    until(lambda: all(_is_known(client, id) for id in ids), what="the worker has received them")
    worker.kill()
    for id in (hangs, ids[0]):
        client.cancel(id)
    start_worker("w2")
    found = AsyncResult(sent.id, app=client.app).get(timeout=60)
    assert [part.get("code") for part in found["outcomes"]] == ["cancelled", None]


def _is_known(client: Client, id: str) -> bool:
    try:
        client.look_up(id)
    except TaskNotFound:
        return False
    return True


def test_a_page_whose_worker_died_with_it_is_not_read_again(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker("w1", OCR_SCRIPTED_HANG="hang")
    id, forgotten = (client.submit_image(png(), prompt="<image> hang") for _ in range(2))
    until(lambda: client.stats().processing == 2)
    worker.kill()
    assert client.cancel(id).status is Status.FAILED
    client.forget(forgotten)
    start_worker("w2")
    until_settled(redis)
    assert client.look_up(id).status is Status.FAILED
    with pytest.raises(TaskNotFound):
        client.look_up(forgotten)
    assert redis.client.hget(keys.task(forgotten), "state") == b"FORGOTTEN"
    kept = "it is kept as long as a result's record, once its message is gone"
    until(lambda: 0 < redis.client.ttl(keys.task(forgotten)) <= 7200, what=kept)


def test_what_is_forgotten_leaves_only_what_expires(client: Client, redis: RedisServer, start_worker: Start) -> None:
    id, batch = client.submit_image(png()), client.submit_batch(URLS[:3], prompt="<image>" + "p" * 900)
    for _ in range(2):
        client.forget(id)
        client.forget_batch(batch)
    assert (client.stats().total, len(waiting(redis.client))) == (0, 4)
    start_worker()
    until_settled(redis)
    until(lambda: not redis.client.exists(keys.meta(batch)) and settled(redis), what="nothing of the batch is kept")
    ours = [*redis.client.scan_iter("{[]ocr}:*:*-*"), *redis.client.scan_iter("celery-task*")]
    assert all(redis.client.ttl(name) > 0 for name in ours)
    assert not [name for name in ours if not name.startswith((b"{ocr}:task:", b"celery-taskset-meta-"))]


def test_a_full_redis_lets_pages_be_cancelled_and_forgotten(client: Client, redis: RedisServer) -> None:
    ids, batch = [client.submit_image(png()) for _ in range(3)], client.submit_batch(URLS[:3])
    redis.client.config_set("maxmemory", 1)
    try:
        assert client.cancel(ids[0]).status is Status.FAILED
        client.forget(ids[1])
        assert client.cancel_batch(batch).status is Status.FAILED
    finally:
        redis.client.config_set("maxmemory", 0)
    assert client.stats().pending == 1


def test_a_record_that_cannot_be_read_keeps_no_other_from_being_cancelled(client: Client, redis: RedisServer) -> None:
    batch = client.submit_batch(URLS[:3])
    (_, first), *others = client.look_up_batch(batch).items
    redis.client.delete(keys.task(first.id))
    redis.client.lpush(keys.task(first.id), "x")
    codes = [task.error and task.error.code for _, task in client.cancel_batch(batch).items]
    assert codes == ["result_unreadable", *["cancelled"] * len(others)]
    client.forget_batch(batch)
    with pytest.raises(TaskNotFound):
        client.look_up(first.id)


def test_another_application_sees_it_as_celerys_own_revocation(client: Client, redis: RedisServer) -> None:
    other = Celery("caller", broker=redis.url, backend=redis.url, set_as_current=False)
    id = client.submit_image(png())
    client.cancel(id)
    found = other.AsyncResult(id)
    assert (found.state, type(found.result).__name__) == ("REVOKED", "TaskRevokedError")
    other.close()
