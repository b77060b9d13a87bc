"""A page that was finished is never read again, however often its message comes; what its worker left undone is done."""

import json
import time
from typing import Any

import pytest
from celery import chord
from celery.result import AsyncResult

from ocr_celery import errors
from ocr_celery.store.registry import Registry
from tests.testlib.celery_client import Service
from tests.testlib.processes import RedisServer, keys, png, until

SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.2, "OCR_SCRIPTED_SPREAD": 3}
ELSEWHERE = "elsewhere"
RESULT = {"text": "read by a worker that died just after", "width": 7}


def held(redis: RedisServer, node: str, id: str) -> bytes | None:
    """The message of this task as a node holds it."""
    records = [json.loads(record)[0] for record in redis.client.hvals(keys.unacked(node))]
    return next((json.dumps(message).encode() for message in records if message["headers"]["id"] == id), None)


def put_back(service: Service, message: bytes) -> None:
    """As when its worker died before it acknowledged: the same message comes again."""
    again = json.loads(message)
    again["properties"]["delivery_info"]["redelivered"] = again["headers"]["redelivered"] = True
    service.redis.client.rpush("ocr", json.dumps(again))


def finish(service: Service, id: str, state: str, result: Any) -> None:
    """As a worker leaves it that dies between storing the outcome and all that comes after."""
    meta = {"status": state, "result": result, "traceback": None, "children": [], "task_id": id}
    Registry(service.redis.client, keys, keep=100).move(id, state, now=time.time(), meta=json.dumps(meta))


def lines(service: Service, id: str, event: str) -> int:
    return sum(f'"{id}"' in line and event in line for line in service.worker.log.splitlines())


def test_a_finished_page_is_neither_read_nor_counted_nor_linked_again(service: Service) -> None:
    link = service.app.signature("elsewhere.ok", queue=ELSEWHERE)
    first = service.app.signature("ocr.image", [png(110)], task_id="first").set(link=link)
    second = service.app.signature("ocr.image", [png(199)], task_id="second")  # takes 3 s
    body = chord([first, second], service.app.signature("ocr.collect"), app=service.app).apply_async()
    message = until(lambda: held(service.redis, service.worker.name, "first"))
    until(service.result("first").ready)
    put_back(service, message)
    until(lambda: "task first was finished before; not read again" in service.worker.log)
    put_back(service, message)
    summary = AsyncResult(body.id, app=service.app).get(timeout=60)
    assert [item["result"]["width"] for item in summary["outcomes"]] == [110, 199]
    until(service.is_settled)
    assert (lines(service, "first", "page read"), lines(service, "second", "page read")) == (1, 1)
    assert len(service.messages(ELSEWHERE)) == 1
    service.redis.client.delete(ELSEWHERE)


def test_a_page_whose_worker_died_before_it_counted_and_linked_is_counted_and_linked(service: Service) -> None:
    link = service.app.signature("elsewhere.ok", queue=ELSEWHERE)
    pages = [
        service.app.signature("ocr.image", [png(111)], task_id="died-success", countdown=0.5).set(link=link),
        service.app.signature("ocr.image", [png(112)], task_id="died-failure", countdown=0.5),
        service.app.signature("ocr.image", [png(113)], task_id="alive"),
    ]
    body = chord(pages, service.app.signature("ocr.collect"), app=service.app).apply_async()
    finish(service, "died-success", "SUCCESS", RESULT)
    finish(service, "died-failure", "FAILURE", errors.EngineFailed("It was blank.").as_result())
    summary = AsyncResult(body.id, app=service.app).get(timeout=60)
    assert summary["outcomes"][0] == {"status": "completed", "result": RESULT}
    failed = {"status": "failed", "code": "engine_failed", "error": "It was blank.", "task_id": "died-failure"}
    assert summary["outcomes"][1] == failed
    assert summary["outcomes"][2]["result"]["width"] == 113
    until(service.is_settled)
    assert lines(service, "died-success", "page read") == 0
    assert service.result("died-success").get(timeout=1) == RESULT
    with pytest.raises(errors.EngineFailed):
        service.result("died-failure").get(timeout=1)
    assert [args for args, _, _ in service.messages(ELSEWHERE)] == [[RESULT]]
    service.redis.client.delete(ELSEWHERE)


def test_a_page_that_is_delivered_again_while_it_is_read_is_read_once(service: Service) -> None:
    sent = service.send("ocr.image", png(150))  # takes 1.7 s
    message = until(lambda: held(service.redis, service.worker.name, sent.id))
    put_back(service, message)
    until(lambda: f"task {sent.id} was delivered again while it is being worked on" in service.worker.log)
    assert sent.get(timeout=60)["width"] == 150
    until(service.is_settled)
    assert lines(service, sent.id, "page read") == 1


def test_a_page_that_was_cancelled_stays_cancelled_when_it_comes_again(service: Service) -> None:
    sent = service.send("ocr.image", png(), countdown=0.5)
    finish(service, sent.id, "REVOKED", {"exc_type": "TaskRevokedError", "exc_message": ["revoked"], "exc_module": "x"})
    until(lambda: f"task {sent.id} was finished before" in service.worker.log)
    until(service.is_settled)
    assert sent.status == "REVOKED"
    assert lines(service, sent.id, "page read") == 0


def test_a_page_that_comes_again_in_another_chord_while_it_is_read_counts_for_both(service: Service) -> None:
    """A task that replaces itself by a chord of pages makes another with the same pages when it is delivered again."""

    def chord_of_pages(body: str) -> AsyncResult:
        pages = [service.app.signature("ocr.image", [png(150 + i)], task_id=f"same-{i}") for i in range(2)]
        return chord(pages, service.app.signature("ocr.collect", task_id=body), app=service.app).apply_async(
            task_id=body
        )

    first = chord_of_pages("first-body")  # its pages take 1.7 s
    until(lambda: service.result("same-0").status == "STARTED")
    second = chord_of_pages("second-body")
    for body in (first, second):
        summary = AsyncResult(body.id, app=service.app).get(timeout=60)
        assert [item["result"]["width"] for item in summary["outcomes"]] == [150, 151]
    until(service.is_settled)
    assert [lines(service, f"same-{i}", "page read") for i in range(2)] == [1, 1]


def test_a_body_that_a_worker_was_about_to_send_when_it_died_is_sent_all_the_same(service: Service) -> None:
    """Its claim on that is Celery's, and runs out by itself; the part that completed the chord has to come for it again."""
    page = service.app.signature("ocr.image", [png(113)], task_id="claimed", countdown=0.5)
    body = chord([page], service.app.signature("ocr.collect"), app=service.app).apply_async()
    finish(service, "claimed", "SUCCESS", RESULT)
    backend = service.app.backend
    claim = backend.get_key_for_group(body.parent.id, ".c")
    backend.client.set(claim, "of a worker that is dead", ex=3)
    summary = AsyncResult(body.id, app=service.app).get(timeout=60)
    assert summary["outcomes"] == [{"status": "completed", "result": RESULT}]
    until(service.is_settled)
