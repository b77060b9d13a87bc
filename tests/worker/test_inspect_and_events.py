"""A worker that reads still answers, and says of every page what happens to it, without its content."""

import json
from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.testlib.celery_client import Service
from tests.testlib.event_watch import Watch
from tests.testlib.image_server import Origin
from tests.testlib.processes import png, until

SECONDS = 2  #: in the engine: long enough to look at it from outside on a busy machine
SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": SECONDS, "OCR_SCRIPTED_FAIL": "luck"}
ENDS = {"task-succeeded", "task-failed", "task-revoked"}


@pytest.fixture(autouse=True)
def _settled(service: Service) -> Iterator[None]:
    yield
    until(service.is_settled)


def test_it_answers_while_the_engine_is_busy(service: Service) -> None:
    before = service.pool()["batch-histogram"]
    sent = [service.send("ocr.image", png()) for _ in range(6)]
    until(lambda: service.pool()["running"] == 4 and service.pool()["buffered"] == 2)
    assert service.inspect().ping() == {service.worker.name: {"ok": "pong"}}
    active = service.inspect().active()[service.worker.name]
    reserved = service.inspect().reserved()[service.worker.name]
    assert (len(active), len(reserved)) == (4, 2)
    assert {entry["id"] for entry in active + reserved} == {result.id for result in sent}
    assert {entry["name"] for entry in active + reserved} == {"ocr.image"}
    inside, waiting = active[0]["id"], reserved[0]["id"]
    asked = service.inspect().query_task([inside, waiting])[service.worker.name]
    assert {id: state for id, (state, _) in asked.items()} == {inside: "active", waiting: "reserved"}
    pool = service.pool()
    assert (pool["engine"], pool["batch-size"], pool["held"]) == ("scripted", 4, 6)
    assert [service.result(inside).status, service.result(waiting).status] == ["STARTED", "PENDING"]
    assert service.result(inside).info["hostname"] == service.worker.name
    for result in sent:
        result.get(timeout=60)
    after = service.pool()["batch-histogram"]
    assert after.get("4", 0) == before.get("4", 0) + 1, "four entered together"


def test_every_page_has_its_own_events_and_its_true_runtime(service: Service) -> None:
    with Watch(service.app) as watch:
        good = [service.send("ocr.image", png(), kwargs={"prompt": "fine"}) for _ in range(5)]
        bad = service.send("ocr.image", png(), kwargs={"prompt": "bad luck"})
        broken = service.send("ocr.image", b"no image")
        off = service.send("ocr.image", png(), countdown=0.2, expires=0.1)
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


def test_a_page_that_is_terminated_is_said_to_be_revoked(service: Service) -> None:
    with Watch(service.app) as watch:
        off = service.send("ocr.image", png())
        until(lambda: off.status == "STARTED")
        service.revoke(off.id, terminate=True)
        until(service.is_settled)
        after = service.send("ocr.image", b"no image")
        until(lambda: "task-failed" in watch.types(after.id))
    assert watch.types(off.id) == ["task-received", "task-started", "task-revoked"]


def test_neither_events_nor_inspect_show_an_image_or_the_secret_part_of_a_url(service: Service, origin: Origin) -> None:
    image, url = png(640, 480), f"{origin.page(100)}?signature=s3cret"
    with Watch(service.app) as watch:
        sent = [
            service.send("ocr.image", image),
            service.send("ocr.image", kwargs={"image": image}),
            service.send("ocr.url", url),
            service.send("ocr.url", kwargs={"url": url, "prompt": "x"}),
            service.send("ocr.url", {"url": url}),
        ]
        ours = [service.client.submit_image(image, name="page 1.png"), service.client.submit_url(url)]
        later = service.send("ocr.url", url, countdown=1)
        until(lambda: service.pool()["running"] == 4 and service.pool()["buffered"] == 2)
        inspect = service.inspect()
        seen = [inspect.active(), inspect.reserved(), inspect.scheduled(), inspect.query_task(later.id)]
        until(service.is_settled)
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
