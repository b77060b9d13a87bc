"""Whatever a message holds: it ends no worker, is not read again and again, and the pages around it are read."""

import json
from typing import Any

import pytest

from ocr_celery.core import delivery_limit
from ocr_celery.core.status import Status
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.malformed_messages import good, malformed
from tests.testlib.processes import RedisServer, final, keys, png, until

SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.05}
SECRET = "nobody-s-business"


def push(redis: RedisServer, message: dict[str, Any]) -> str:
    """Send it; answers its task id."""
    redis.client.lpush("ocr", json.dumps(message))
    return str(message["headers"]["id"])


def broken(name: str, value: object) -> dict[str, Any]:
    """A message with this header."""
    message = good(png(), prompt=SECRET)
    message["headers"][name] = value
    return message


def test_malformed_messages_of_every_kind_harm_none_beside_them(celery_setup: OcrSetup) -> None:
    bad = malformed(png())
    assert len(bad) >= 177
    ids = []
    for number, text in enumerate(bad.values()):
        if number % 20 == 0:
            ids.append(celery_setup.client.submit_image(png(100 + number // 20)))
        celery_setup.redis.client.lpush("ocr", text)
    views = final(celery_setup.client, ids)
    assert [view.result and view.result["width"] for view in views] == [100 + i for i in range(len(ids))]
    until(celery_setup.is_settled, timeout=120, what="nothing waits, is held or open")
    assert celery_setup.worker.container.status == "running"
    assert celery_setup.redis.client.llen(keys.put_aside) == celery_setup.pool()["put-aside"] > 177


def test_who_waits_for_its_task_is_told_and_no_log_line_shows_what_it_holds(celery_setup: OcrSetup) -> None:
    sent = [push(celery_setup.redis, broken(name, [SECRET])) for name in ("retries", "argsrepr", "timelimit", "shadow")]
    elsewhere = good(png(), prompt=SECRET, task="mine.read")
    elsewhere["headers"]["argsrepr"] = SECRET
    sent_elsewhere = push(celery_setup.redis, elsewhere)
    until(lambda: all(celery_setup.result(id).ready() for id in sent), what="their tasks fail")
    for view in map(celery_setup.client.look_up, sent):
        assert view.error is not None
        assert (view.status, view.error.code) == (Status.FAILED, "malformed_message")
    until(celery_setup.result(sent_elsewhere).ready, what="a task that this worker does not have fails")
    until(celery_setup.is_settled)
    assert SECRET not in celery_setup.worker.logs()
    assert "malformed message put aside in {ocr}:unreadable: retries is" in celery_setup.worker.logs()
    assert "unknown task: mine.read, rejected" in celery_setup.worker.logs()


@pytest.mark.parametrize("name", ["compression", "serializer"])
def test_a_link_that_can_never_be_sent_fails_its_page_at_once(celery_setup: OcrSetup, name: str) -> None:
    link = celery_setup.app.signature("elsewhere.ok").set(queue="elsewhere", **{name: "x"})
    sent = celery_setup.send("ocr.image", png(), link=link)
    until(sent.ready, what="the page comes to an end")
    until(celery_setup.is_settled)
    assert sent.status == "FAILURE"
    assert sum(f'"{sent.id}"' in line and "page read" in line for line in celery_setup.worker.logs().splitlines()) == 1


def test_a_stored_image_of_another_type_fails_its_page_and_no_other(celery_setup: OcrSetup) -> None:
    ref = celery_setup.client.store_image(png())
    id = ref.removeprefix("blob:")
    celery_setup.redis.client.delete(keys.blob(id))
    celery_setup.redis.client.lpush(keys.blob(id), "x")
    celery_setup.redis.client.expire(keys.blob(id), 60)
    sent, other = celery_setup.send("ocr.image", ref), celery_setup.send("ocr.image", png(140))
    assert other.get(timeout=60)["width"] == 140
    until(sent.ready, what="the page comes to an end")
    assert sent.status == "FAILURE"
    until(celery_setup.is_settled)


def test_a_page_whose_record_is_of_another_type_is_put_aside(celery_setup: OcrSetup) -> None:
    message = good(png())
    celery_setup.redis.client.set(keys.task(message["headers"]["id"]), "x", ex=60)
    before = celery_setup.redis.client.llen(keys.put_aside)
    push(celery_setup.redis, message)
    until(lambda: celery_setup.redis.client.llen(keys.put_aside) == before + 1, what="it is put aside")
    until(celery_setup.is_settled)


def test_a_page_that_came_to_no_end_too_often_fails_and_its_chord_goes_on(celery_setup: OcrSetup) -> None:
    chord = celery_setup.app.signature("ocr.collect", task_id="body")
    message = good(png(), links={"chord": dict(chord)})
    message["headers"] |= {"group": "given-up", "group_index": 0}
    message["properties"]["deliveries"] = delivery_limit.MAX_DELIVERIES
    celery_setup.app.backend.set_chord_size("given-up", 1)
    sent = push(celery_setup.redis, message)
    until(celery_setup.result(sent).ready, what="it fails")
    view = celery_setup.client.look_up(sent)
    assert view.error is not None
    assert view.error.code == "given_up"
    summary = celery_setup.result("body").get(timeout=60)
    assert [outcome["code"] for outcome in summary["outcomes"]] == ["given_up"]
    until(celery_setup.is_settled)
