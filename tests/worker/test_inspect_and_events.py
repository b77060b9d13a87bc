"""A worker that reads still answers, and says of every page what happens to it, without its content."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.testlib.celery_setup import OcrSetup
from tests.testlib.event_watch import Watch
from tests.testlib.held_pages import HeldPages
from tests.testlib.image_server import Origin
from tests.testlib.processes import png, until

SECONDS = 0.5  #: in the engine
SETTINGS = {
    "OCR_BATCH_SIZE": 4,
    "OCR_BATCH_TIMEOUT": 2,  # a busy machine has four pages ready by then
    "OCR_SCRIPTED_SECONDS": SECONDS,
    "OCR_SCRIPTED_FAIL": "luck",
}
ENDS = {"task-succeeded", "task-failed", "task-revoked"}


@pytest.fixture(autouse=True)
def _settled(celery_setup: OcrSetup) -> Iterator[None]:
    yield
    until(celery_setup.is_settled)


def test_it_answers_while_the_engine_is_busy(celery_setup: OcrSetup, held_pages: HeldPages) -> None:
    held_pages.hold(100)
    before = celery_setup.pool()["batch-histogram"]
    sent = [celery_setup.send("ocr.image", png(100)) for _ in range(6)]
    until(lambda: celery_setup.pool()["running"] == 4 and celery_setup.pool()["buffered"] == 2)
    assert celery_setup.inspect().ping() == {celery_setup.worker.hostname(): {"ok": "pong"}}
    active = celery_setup.inspect().active()[celery_setup.worker.hostname()]
    reserved = celery_setup.inspect().reserved()[celery_setup.worker.hostname()]
    assert (len(active), len(reserved)) == (4, 2)
    assert {entry["id"] for entry in active + reserved} == {result.id for result in sent}
    assert {entry["name"] for entry in active + reserved} == {"ocr.image"}
    inside, waiting = active[0]["id"], reserved[0]["id"]
    asked = celery_setup.inspect().query_task([inside, waiting])[celery_setup.worker.hostname()]
    assert {id: state for id, (state, _) in asked.items()} == {inside: "active", waiting: "reserved"}
    pool = celery_setup.pool()
    assert (pool["engine"], pool["batch-size"], pool["held"]) == ("scripted", 4, 6)
    assert [celery_setup.result(inside).status, celery_setup.result(waiting).status] == ["STARTED", "PENDING"]
    assert celery_setup.result(inside).info["hostname"] == celery_setup.worker.hostname()
    held_pages.release(100)
    for result in sent:
        result.get(timeout=60)
    after = celery_setup.pool()["batch-histogram"]
    assert after.get("4", 0) == before.get("4", 0) + 1, "four entered together"


def test_every_page_has_its_own_events_and_its_true_runtime(celery_setup: OcrSetup) -> None:
    with Watch(celery_setup.app) as watch:
        good = [celery_setup.send("ocr.image", png(), kwargs={"prompt": "fine"}) for _ in range(5)]
        bad = celery_setup.send("ocr.image", png(), kwargs={"prompt": "bad luck"})
        broken = celery_setup.send("ocr.image", b"no image")
        off = celery_setup.send("ocr.image", png(), countdown=0.2, expires=0.1)
        for sent in (*good, bad, broken, off):
            until(lambda id=sent.id: ENDS & set(watch.types(id)))
    for sent in good:
        assert watch.types(sent.id) == ["task-received", "task-started", "task-succeeded"]
        received, started, succeeded = watch.of(sent.id)
        assert received["name"] == "ocr.image"
        between = succeeded["timestamp"] - started["timestamp"]
        assert SECONDS <= succeeded["runtime"] <= between + 0.3
        assert len(succeeded["result"]) < 200
    assert watch.types(bad.id) == ["task-received", "task-started", "task-failed"]
    assert watch.of(bad.id)[-1]["exception"].startswith("EngineFailed")
    assert watch.types(broken.id) == ["task-received", "task-started", "task-failed"]
    # Celery says nothing of the arrival of a task that has expired by then
    assert watch.types(off.id) in (["task-received", "task-revoked"], ["task-revoked"])


def test_a_page_that_is_terminated_is_said_to_be_revoked(celery_setup: OcrSetup, held_pages: HeldPages) -> None:
    held_pages.hold(100)
    with Watch(celery_setup.app) as watch:
        off = celery_setup.send("ocr.image", png(100))
        until(lambda: off.status == "STARTED")
        celery_setup.revoke(off.id, terminate=True)
        until(celery_setup.is_settled)
        after = celery_setup.send("ocr.image", b"no image")
        until(lambda: "task-failed" in watch.types(after.id))
    assert watch.types(off.id) == ["task-received", "task-started", "task-revoked"]


def test_neither_events_nor_inspect_show_an_image_or_the_secret_part_of_a_url(
    celery_setup: OcrSetup, origin: Origin, held_pages: HeldPages
) -> None:
    held_pages.hold(100, 640)
    image, url = png(640, 480), f"{origin.page(100)}?signature=s3cret"
    with Watch(celery_setup.app) as watch:
        sent = [
            celery_setup.send("ocr.image", image),
            celery_setup.send("ocr.image", kwargs={"image": image}),
            celery_setup.send("ocr.url", url),
            celery_setup.send("ocr.url", kwargs={"url": url, "prompt": "x"}),
            celery_setup.send("ocr.url", {"url": url}),
        ]
        ours = [celery_setup.client.submit_image(image, name="page 1.png"), celery_setup.client.submit_url(url)]
        later = celery_setup.send("ocr.url", url, countdown=1)
        until(lambda: celery_setup.pool()["running"] == 4 and celery_setup.pool()["buffered"] == 2)
        inspect = celery_setup.inspect()
        seen = [inspect.active(), inspect.reserved(), inspect.scheduled(), inspect.query_task(later.id)]
        held_pages.release(100, 640)
        until(celery_setup.is_settled)
    shown = [str(next(e["args"] for e in watch.of(id) if "args" in e)) for id in [*(s.id for s in sent), *ours]]
    assert shown == [
        *[f"(<{len(image)} bytes>)"] * 2,
        *[f"({origin.page(100)})"] * 2,
        "(<dict>)",
        f"('page 1.png', {len(image)} bytes)",
        f"({origin.page(100)})",
    ]
    everything = json.dumps([seen, watch.events], default=repr)
    assert later.id in everything
    for secret in ("s3cret", b64encode(image).decode()[20:60], repr(image)[2:20]):
        assert secret not in everything
