"""Whatever a message holds: it ends no worker, is not read again and again, and the pages around it are read."""

import json
from typing import Any

import pytest

from ocr_celery.core import delivery_limit
from ocr_celery.core.status import Status
from tests.testlib.celery_client import Service
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


def test_malformed_messages_of_every_kind_harm_none_beside_them(service: Service) -> None:
    bad = malformed(png())
    assert len(bad) >= 177
    ids = []
    for number, text in enumerate(bad.values()):
        if number % 20 == 0:
            ids.append(service.client.submit_image(png(100 + number // 20)))
        service.redis.client.lpush("ocr", text)
    views = final(service.client, ids)
    assert [view.result and view.result["width"] for view in views] == [100 + i for i in range(len(ids))]
    until(service.is_settled, timeout=120, what="nothing waits, is held or open")
    assert service.worker.process.poll() is None
    assert service.redis.client.llen(keys.unreadable) == service.pool()["put-aside"] > 177


def test_who_waits_for_its_task_is_told_and_no_log_line_shows_what_it_holds(service: Service) -> None:
    sent = [push(service.redis, broken(name, [SECRET])) for name in ("retries", "argsrepr", "timelimit", "shadow")]
    elsewhere = good(png(), prompt=SECRET, task="mine.read")
    elsewhere["headers"]["argsrepr"] = SECRET
    sent_elsewhere = push(service.redis, elsewhere)
    until(lambda: all(service.result(id).ready() for id in sent), what="their tasks fail")
    for view in map(service.client.look_up, sent):
        assert view.error is not None
        assert (view.status, view.error.code) == (Status.FAILED, "malformed_message")
    until(service.result(sent_elsewhere).ready, what="a task that this worker does not have fails")
    until(service.is_settled)
    assert SECRET not in service.worker.log
    assert "a message that cannot be read is put aside in {ocr}:unreadable: retries is" in service.worker.log
    assert "a message for the task mine.read, which this worker does not have" in service.worker.log


@pytest.mark.parametrize("name", ["compression", "serializer"])
def test_a_link_that_can_never_be_sent_fails_its_page_at_once(service: Service, name: str) -> None:
    link = service.app.signature("elsewhere.ok").set(queue="elsewhere", **{name: "x"})
    sent = service.send("ocr.image", png(), link=link)
    until(sent.ready, what="the page comes to an end")
    until(service.is_settled)
    assert sent.status == "FAILURE"
    assert sum(f'"{sent.id}"' in line and "page read" in line for line in service.worker.log.splitlines()) == 1


def test_a_stored_image_of_another_type_fails_its_page_and_no_other(service: Service) -> None:
    ref = service.client.store_image(png())
    id = ref.removeprefix("blob:")
    service.redis.client.delete(keys.blob(id))
    service.redis.client.lpush(keys.blob(id), "x")
    service.redis.client.expire(keys.blob(id), 60)
    sent, other = service.send("ocr.image", ref), service.send("ocr.image", png(140))
    assert other.get(timeout=60)["width"] == 140
    until(sent.ready, what="the page comes to an end")
    assert sent.status == "FAILURE"
    until(service.is_settled)


def test_a_page_whose_record_is_of_another_type_is_put_aside(service: Service) -> None:
    message = good(png())
    service.redis.client.set(keys.task(message["headers"]["id"]), "x", ex=60)
    before = service.redis.client.llen(keys.unreadable)
    push(service.redis, message)
    until(lambda: service.redis.client.llen(keys.unreadable) == before + 1, what="it is put aside")
    until(service.is_settled)


def test_a_page_that_came_to_no_end_too_often_fails_and_its_chord_goes_on(service: Service) -> None:
    chord = service.app.signature("ocr.collect", task_id="body")
    message = good(png(), links={"chord": dict(chord)})
    message["headers"] |= {"group": "given-up", "group_index": 0}
    message["properties"]["deliveries"] = delivery_limit.MOST
    service.app.backend.set_chord_size("given-up", 1)
    sent = push(service.redis, message)
    until(service.result(sent).ready, what="it fails")
    view = service.client.look_up(sent)
    assert view.error is not None
    assert view.error.code == "given_up"
    summary = service.result("body").get(timeout=60)
    assert [outcome["code"] for outcome in summary["outcomes"]] == ["given_up"]
    until(service.is_settled)
