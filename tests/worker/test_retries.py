"""A page whose trouble may pass is tried again, and only such a page; meanwhile it is RETRY, in the end it is what it is."""

import json
from datetime import datetime

import pytest

from ocr_celery import errors
from ocr_celery.core.status import Status
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import keys, png, until

SETTINGS = {"OCR_SCRIPTED_SECONDS": 0.05, "OCR_SCRIPTED_FAIL": "luck"}


def test_a_server_that_fails_at_first_is_asked_again(celery_setup: OcrSetup, origin: Origin) -> None:
    sent = celery_setup.send("ocr.url", f"{origin.url}/once/123")
    until(lambda: sent.status == "RETRY")
    assert celery_setup.client.look_up(sent.id).status is Status.PENDING
    scheduled = until(lambda: celery_setup.inspect().scheduled()[celery_setup.worker.hostname()])
    assert [entry["request"]["id"] for entry in scheduled] == [sent.id]
    neighbour = celery_setup.send("ocr.image", png(124))
    assert neighbour.get(timeout=60)["width"] == 124, "it holds no place while it waits"
    assert sent.status == "RETRY"
    assert sent.get(timeout=60)["width"] == 123
    assert sent.status == "SUCCESS"
    assert origin.asked["/once/123"] == 2
    until(celery_setup.is_settled)
    said = [line["event"] for line in map(json.loads, lines_of(celery_setup)) if line.get("task_id") == sent.id]
    assert said == ["page will be tried again", "page read"]


def test_tries_are_counted_to_the_end_whoever_sent_the_page(celery_setup: OcrSetup, origin: Origin) -> None:
    sent = celery_setup.send("ocr.url", f"{origin.url}/once/125?key=SECRET")
    sent.get(timeout=60)
    view = celery_setup.client.look_up(sent.id)
    assert (view.attempts, view.next_try_at) == (2, None)
    assert view.source == f"{origin.url}/once/125"
    assert view.last_error is not None
    assert view.last_error.code == "download_failed"
    bad = celery_setup.send("ocr.image", png(), kwargs={"prompt": "bad luck"})
    assert isinstance(bad.get(timeout=60, propagate=False), errors.EngineFailed)
    assert celery_setup.client.look_up(bad.id).attempts == 1


def lines_of(celery_setup: OcrSetup) -> list[str]:
    return [line for line in celery_setup.worker.logs().splitlines() if line.startswith("{")]


def test_a_server_that_always_fails_is_given_up_with_its_error(celery_setup: OcrSetup, origin: Origin) -> None:
    # as its message looks before the last of its tries
    sent = celery_setup.send("ocr.url", f"{origin.url}/gone/502", retries=3)
    with pytest.raises(errors.DownloadFailed, match=r"127\.0\.0\.1 answered with status 502"):
        sent.get(timeout=60)
    assert sent.status == "FAILURE"
    view = celery_setup.client.look_up(sent.id)
    assert view.error is not None
    assert view.error.code == "download_failed"
    assert origin.asked["/gone/502"] == 1


def test_each_try_is_counted_and_waits_longer(celery_setup: OcrSetup, origin: Origin) -> None:
    """Tried a second time, it is put off by about 8 seconds more and counted: 2 tries are behind it, 2 are left."""
    sent = celery_setup.send("ocr.url", f"{origin.url}/503", retries=1)
    until(lambda: sent.status == "RETRY")

    def scheduled() -> list[str]:
        return [entry["request"]["id"] for entry in celery_setup.inspect().scheduled()[celery_setup.worker.hostname()]]

    until(lambda: sent.id in scheduled())

    def retries_of_held() -> list[int]:
        return [
            header(record)["retries"]
            for record in celery_setup.redis.client.hvals(keys.unacked(celery_setup.worker.hostname()))
        ]

    until(lambda: retries_of_held() == [2], what="the message of the try before is acknowledged")
    celery_setup.revoke(sent.id)
    until(lambda: sent.status == "REVOKED")


@pytest.mark.parametrize(("asked", "least", "most"), [(20, 15, 25), (86400, 110, 145), (6, 5, 8)])
def test_a_source_that_says_how_long_to_wait_is_heeded_within_bounds(
    celery_setup: OcrSetup, origin: Origin, asked: int, least: int, most: int
) -> None:
    id = celery_setup.send("ocr.url", f"{origin.url}/patience/{asked}/503").id

    def again_at() -> list[str]:
        scheduled = celery_setup.inspect().scheduled()[celery_setup.worker.hostname()]
        return [entry["eta"] for entry in scheduled if entry["request"]["id"] == id]

    (eta,) = until(again_at)
    failed_at = celery_setup.client.look_up(id).updated_at
    assert least < datetime.fromisoformat(eta).timestamp() - failed_at < most
    celery_setup.revoke(id)
    until(lambda: celery_setup.result(id).status == "REVOKED")


@pytest.mark.parametrize("path", ["/retries/404", "/retries/410"])
def test_a_refusal_is_final_at_once(celery_setup: OcrSetup, origin: Origin, path: str) -> None:
    sent = celery_setup.send("ocr.url", origin.url + path)
    with pytest.raises(errors.SourceRefused):
        sent.get(timeout=60)
    assert origin.asked[path] == 1


def header(record: bytes) -> dict[str, object]:
    import json

    return dict(json.loads(record)[0]["headers"])


def test_who_asks_meanwhile_learns_why_it_failed_and_when_it_is_tried_again(
    celery_setup: OcrSetup, origin: Origin
) -> None:
    id = celery_setup.client.submit_url(f"{origin.url}/patience/20/503?key=SECRET")
    until(lambda: celery_setup.result(id).status == "RETRY")
    view = celery_setup.client.look_up(id)
    assert (view.status, view.attempts, view.position) == (Status.PENDING, 1, None)
    assert view.source == f"{origin.url}/patience/20/503"
    assert isinstance(view.last_error, errors.DownloadFailed)
    assert view.last_error.message == "127.0.0.1 answered with status 503."
    assert view.next_try_at is not None
    assert view.next_try_at - view.created_at >= 20
    assert view.next_try_at - view.updated_at < 25
    celery_setup.revoke(id)
    until(lambda: celery_setup.client.look_up(id).status is Status.FAILED)
    assert celery_setup.client.look_up(id).next_try_at is None
