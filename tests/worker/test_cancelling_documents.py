"""A document is cancelled by its pages: what was read stays, and it is final at once, with or without workers."""

from collections.abc import Callable

import pytest
from celery import chord
from celery.result import AsyncResult

from ocr_celery.client import Client
from ocr_celery.core.document import page_id
from ocr_celery.core.status import Status
from ocr_celery.errors import TaskNotFound
from tests.testlib.celery_setup import until_settled
from tests.testlib.image_server import Origin
from tests.testlib.processes import RedisServer, Worker, keys, until
from tests.testlib.several_pages import tiff

Start = Callable[..., Worker]
SETTINGS = {"OCR_BATCH_SIZE": 2, "OCR_SCRIPTED_SECONDS": 0.3, "OCR_SCRIPTED_HANG": "hang"}
WIDTHS = list(range(101, 117))
HANGS = {"prompt": "<image> hang"}


def has_read(client: Client, id: str) -> bool:
    document = client.look_up(id).document
    return document is not None and document.counts.get(Status.COMPLETED, 0) > 1


def is_being_read(client: Client, id: str) -> bool:
    document = client.look_up(id).document
    return document is not None and document.counts.get(Status.PROCESSING, 0) > 0


def assert_nothing_lasts(redis: RedisServer) -> None:
    until(lambda: not redis.client.exists(keys.documents), what="its pages are settled")
    names = [*redis.client.scan_iter("{[]ocr}:*:*-*"), *redis.client.scan_iter("celery-task*")]
    assert [name for name in names if redis.client.ttl(name) == -1] == []


def test_the_pages_that_were_read_stay(client: Client, redis: RedisServer, start_worker: Start) -> None:
    start_worker(**SETTINGS)
    id = client.submit_document(tiff(WIDTHS))
    until(lambda: has_read(client, id), what="some pages are read")
    view = client.cancel(id)
    assert view.status is Status.COMPLETED
    assert view.document is not None
    assert view.document.is_partial
    assert {page.code for page in view.document.failed} == {"cancelled"}
    assert view.result is not None
    assert "-->\n\npage of 10" in view.result["text"]
    until_settled(redis)
    assert client.look_up(id) == view
    assert_nothing_lasts(redis)


def test_one_of_which_nothing_was_read_is_cancelled_and_its_chord_counts_it(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    start_worker(**SETTINGS)
    header = [client.app.signature("ocr.document", [tiff(WIDTHS)], HANGS, queue="ocr")]
    body = chord(header, app=client.app)(client.app.signature("ocr.collect", queue="ocr"))
    (id,) = [part.id for part in body.parent.results]
    until(lambda: redis.client.exists(keys.document(id)) and is_being_read(client, id), what="pages hang")
    view = client.cancel(id)
    assert (view.status, view.error and view.error.code) == (Status.FAILED, "cancelled")
    summary = AsyncResult(body.id, app=client.app).get(timeout=60)
    assert [part["code"] for part in summary["outcomes"]] == ["cancelled"]
    until_settled(redis)
    assert_nothing_lasts(redis)


@pytest.mark.parametrize("forgets", [False, True])
def test_without_workers_it_is_final_at_once_and_the_next_one_reads_nothing_of_it(
    client: Client, redis: RedisServer, start_worker: Start, forgets: bool
) -> None:
    worker = start_worker(**SETTINGS)
    id = client.submit_document(tiff(WIDTHS), **HANGS)
    until(lambda: is_being_read(client, id), what="pages hang")
    worker.kill()
    if forgets:
        client.forget(id)
        client.forget(id)
    else:
        assert client.cancel(id).status is Status.FAILED
    assert client.stats().pending + client.stats().processing == 0
    later = start_worker("w2", **SETTINGS)
    until_settled(redis)
    assert "page read" not in later.log
    for known in (id, *(page_id(id, number) for number in range(1, 17))) if forgets else ():
        with pytest.raises(TaskNotFound):
            client.look_up(known)
    assert_nothing_lasts(redis)
    assert not redis.client.exists(keys.document(id)) or not forgets


def test_a_batch_is_cancelled_and_forgotten_with_its_documents(
    client: Client, redis: RedisServer, start_worker: Start, origin: Origin
) -> None:
    start_worker(**SETTINGS)
    batch = client.submit_batch([f"{origin.url}/tiff/9", origin.page(120)], **HANGS)
    ids = [task.id for _, task in client.look_up_batch(batch).items]
    until(lambda: is_being_read(client, ids[0]), what="pages hang")
    view = client.cancel_batch(batch)
    assert [task.error and task.error.code for _, task in view.items] == ["cancelled"] * 2
    summary = AsyncResult(batch, app=client.app).get(timeout=60)
    assert summary["failed"] == 2
    client.forget_batch(batch)
    until_settled(redis)
    with pytest.raises(TaskNotFound):
        client.look_up(page_id(ids[0], 1))
    assert_nothing_lasts(redis)


def test_celerys_own_revocation_of_a_document_revokes_its_pages(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(**SETTINGS)
    id = client.submit_document(tiff(WIDTHS), **HANGS)
    until(lambda: is_being_read(client, id), what="pages hang")
    client.app.control.revoke(id, terminate=True, reply=True, timeout=30, destination=[worker.name])
    view = client.wait(id, timeout=60)
    assert (view.status, view.error and view.error.code) == (Status.FAILED, "no_page_read")
    until_settled(redis)
    assert_nothing_lasts(redis)
