"""A page that was finished is never read again, however often its message comes; what its worker left undone is done."""

import json
import time
from typing import Any

import pytest
from celery import chord
from celery.result import AsyncResult

from ocr_celery import errors
from ocr_celery.store.registry import Registry
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.held_pages import HeldPages
from tests.testlib.processes import RedisServer, keys, png, until

SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.2}
ELSEWHERE = "elsewhere"
RESULT = {"text": "read by a worker that died just after", "width": 7}


def held(redis: RedisServer, node: str, id: str) -> bytes | None:
    """The message of this task as a node holds it."""
    records = [json.loads(record)[0] for record in redis.client.hvals(keys.unacked(node))]
    return next((json.dumps(message).encode() for message in records if message["headers"]["id"] == id), None)


def put_back(celery_setup: OcrSetup, message: bytes) -> None:
    """As when its worker died before it acknowledged: the same message comes again."""
    again = json.loads(message)
    again["properties"]["delivery_info"]["redelivered"] = again["headers"]["redelivered"] = True
    celery_setup.redis.client.rpush("ocr", json.dumps(again))


def finish(celery_setup: OcrSetup, id: str, state: str, result: Any) -> None:
    """As a worker leaves it that dies between storing the result and all that comes after."""
    meta = {"status": state, "result": result, "traceback": None, "children": [], "task_id": id}
    Registry(celery_setup.redis.client, keys, keep=100).transition(id, state, now=time.time(), meta=json.dumps(meta))


def lines(celery_setup: OcrSetup, id: str, event: str) -> int:
    return sum(f'"{id}"' in line and event in line for line in celery_setup.worker.logs().splitlines())


def test_a_finished_page_is_neither_read_nor_counted_nor_linked_again(
    celery_setup: OcrSetup, held_pages: HeldPages
) -> None:
    held_pages.hold(110, 199)
    link = celery_setup.app.signature("elsewhere.ok", queue=ELSEWHERE)
    first = celery_setup.app.signature("ocr.image", [png(110)], task_id="first").set(link=link)
    second = celery_setup.app.signature("ocr.image", [png(199)], task_id="second")
    body = chord([first, second], celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async()
    message = until(lambda: held(celery_setup.redis, celery_setup.worker.hostname(), "first"))
    held_pages.release(110)
    until(celery_setup.result("first").ready)
    until(lambda: celery_setup.messages(ELSEWHERE), what="its link is sent, which comes after its result")
    put_back(celery_setup, message)
    until(lambda: "already completed: task first is not read again" in celery_setup.worker.logs())
    put_back(celery_setup, message)
    held_pages.release(199)
    summary = AsyncResult(body.id, app=celery_setup.app).get(timeout=60)
    assert [item["result"]["width"] for item in summary["outcomes"]] == [110, 199]
    until(celery_setup.is_settled)
    assert (lines(celery_setup, "first", "page read"), lines(celery_setup, "second", "page read")) == (1, 1)
    assert len(celery_setup.messages(ELSEWHERE)) == 1
    celery_setup.redis.client.delete(ELSEWHERE)


def test_a_page_whose_worker_died_before_it_counted_and_linked_is_counted_and_linked(celery_setup: OcrSetup) -> None:
    link = celery_setup.app.signature("elsewhere.ok", queue=ELSEWHERE)
    pages = [
        celery_setup.app.signature("ocr.image", [png(111)], task_id="died-success", countdown=0.5).set(link=link),
        celery_setup.app.signature("ocr.image", [png(112)], task_id="died-failure", countdown=0.5),
        celery_setup.app.signature("ocr.image", [png(113)], task_id="alive"),
    ]
    body = chord(pages, celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async()
    finish(celery_setup, "died-success", "SUCCESS", RESULT)
    finish(celery_setup, "died-failure", "FAILURE", errors.EngineFailed("It was blank.").as_result())
    summary = AsyncResult(body.id, app=celery_setup.app).get(timeout=60)
    assert summary["outcomes"][0] == {"status": "completed", "result": RESULT}
    failed = {"status": "failed", "code": "engine_failed", "error": "It was blank.", "task_id": "died-failure"}
    assert summary["outcomes"][1] == failed
    assert summary["outcomes"][2]["result"]["width"] == 113
    until(celery_setup.is_settled)
    assert lines(celery_setup, "died-success", "page read") == 0
    assert celery_setup.result("died-success").get(timeout=1) == RESULT
    with pytest.raises(errors.EngineFailed):
        celery_setup.result("died-failure").get(timeout=1)
    assert [args for args, _, _ in celery_setup.messages(ELSEWHERE)] == [[RESULT]]
    celery_setup.redis.client.delete(ELSEWHERE)


def test_a_page_that_is_delivered_again_while_it_is_read_is_read_once(
    celery_setup: OcrSetup, held_pages: HeldPages
) -> None:
    held_pages.hold(150)
    sent = celery_setup.send("ocr.image", png(150))
    message = until(lambda: held(celery_setup.redis, celery_setup.worker.hostname(), sent.id))
    put_back(celery_setup, message)
    until(lambda: f"duplicate delivery: task {sent.id} is in progress" in celery_setup.worker.logs())
    held_pages.release(150)
    assert sent.get(timeout=60)["width"] == 150
    until(celery_setup.is_settled)
    assert lines(celery_setup, sent.id, "page read") == 1


def test_a_page_that_was_cancelled_stays_cancelled_when_it_comes_again(celery_setup: OcrSetup) -> None:
    sent = celery_setup.send("ocr.image", png(), countdown=0.5)
    finish(
        celery_setup,
        sent.id,
        "REVOKED",
        {"exc_type": "TaskRevokedError", "exc_message": ["revoked"], "exc_module": "x"},
    )
    until(lambda: f"cancelled: task {sent.id} is not read" in celery_setup.worker.logs())
    until(celery_setup.is_settled)
    assert sent.status == "REVOKED"
    assert lines(celery_setup, sent.id, "page read") == 0


def test_a_page_that_comes_again_in_another_chord_while_it_is_read_counts_for_both(
    celery_setup: OcrSetup, held_pages: HeldPages
) -> None:
    """A task that replaces itself by a chord of pages makes another with the same pages when it is delivered again."""

    def chord_of_pages(body: str) -> AsyncResult:
        pages = [celery_setup.app.signature("ocr.image", [png(150 + i)], task_id=f"same-{i}") for i in range(2)]
        return chord(pages, celery_setup.app.signature("ocr.collect", task_id=body), app=celery_setup.app).apply_async(
            task_id=body
        )

    held_pages.hold(150, 151)
    first = chord_of_pages("first-body")
    until(lambda: celery_setup.result("same-0").status == "STARTED")
    second = chord_of_pages("second-body")
    for id in ("same-0", "same-1"):
        until(lambda id=id: f"duplicate delivery: task {id} is in progress" in celery_setup.worker.logs())
    held_pages.release(150, 151)
    for body in (first, second):
        summary = AsyncResult(body.id, app=celery_setup.app).get(timeout=60)
        assert [item["result"]["width"] for item in summary["outcomes"]] == [150, 151]
    until(celery_setup.is_settled)
    assert [lines(celery_setup, f"same-{i}", "page read") for i in range(2)] == [1, 1]


def test_a_body_that_a_worker_was_about_to_send_when_it_died_is_sent_all_the_same(celery_setup: OcrSetup) -> None:
    """Its claim on that is Celery's, and runs out by itself; the part that completed the chord has to come for it again."""
    page = celery_setup.app.signature("ocr.image", [png(113)], task_id="claimed", countdown=0.5)
    body = chord([page], celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async()
    finish(celery_setup, "claimed", "SUCCESS", RESULT)
    backend = celery_setup.app.backend
    claim = backend.get_key_for_group(body.parent.id, ".c")
    backend.client.set(claim, "of a worker that is dead", ex=3)
    summary = AsyncResult(body.id, app=celery_setup.app).get(timeout=60)
    assert summary["outcomes"] == [{"status": "completed", "result": RESULT}]
    until(celery_setup.is_settled)
