"""The log says how each page was read, in one line, and nothing that a page or its URL should keep to itself."""

import json
import signal
from base64 import b64encode
from pathlib import Path
from typing import Any

from ocr_celery.core import quarantine
from ocr_celery.transport import outbox
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import Worker, keys, png, until

SETTINGS = {"OCR_SCRIPTED_SECONDS": 0.2, "OCR_BATCH_SIZE": 4, "OCR_LOG_LEVEL": "DEBUG", "OCR_SCRIPTED_FAIL": "luck"}
SECRET = "s3cret"


def lines(celery_setup: OcrSetup) -> list[dict[str, Any]]:
    """All that the process has written, to wherever."""
    return [json.loads(line) for line in celery_setup.worker.logs().splitlines()]


def of_page(celery_setup: OcrSetup, id: str) -> list[dict[str, Any]]:
    return [line for line in lines(celery_setup) if line.get("task_id") == id]


def test_each_page_has_one_line_with_its_times(celery_setup: OcrSetup) -> None:
    sent = [celery_setup.send("ocr.image", png(100 + i)) for i in range(4)]
    bad = celery_setup.send("ocr.image", b"no image")
    for result in (*sent, bad):
        until(result.ready)
    until(celery_setup.is_settled)
    for i, result in enumerate(sent):
        (line,) = of_page(celery_setup, result.id)
        assert (line["event"], line["level"], line["task"]) == ("page read", "info", "ocr.image")
        assert line["source"] == f"<{len(png(100 + i))} bytes>"
        assert line["waited"] >= 0
        assert line["prepared"] > 0
        assert 0.2 <= line["read"] < 1
        assert 1 <= line["batch"] <= 4
        assert "timestamp" in line
    (line,) = of_page(celery_setup, bad.id)
    assert (line["event"], line["code"], line["read"], line["batch"]) == ("page failed", "not_an_image", 0, 0)
    assert line["level"] == "warning"


def test_every_line_is_json(celery_setup: OcrSetup) -> None:
    assert len(lines(celery_setup)) > 3
    assert all({"event", "level", "timestamp", "logger"} <= line.keys() for line in lines(celery_setup))
    assert {(line["program"], line["worker"]) for line in lines(celery_setup)} == {("worker", "w1@test")}


def test_a_page_that_failed_by_our_fault_is_an_error(celery_setup: OcrSetup) -> None:
    sent = celery_setup.send("ocr.image", png(), kwargs={"prompt": "bad luck"})
    until(lambda: sent.status == "FAILURE")
    (line,) = until(lambda: of_page(celery_setup, sent.id))
    assert (line["code"], line["level"]) == ("engine_failed", "error")


def test_a_line_says_the_name_of_the_file_and_the_request_it_came_with(celery_setup: OcrSetup) -> None:
    token = outbox.request_id.set("request-1")
    try:
        id = celery_setup.client.submit_image(png(), name="scan.png")
        batch = celery_setup.client.submit_batch(["http://127.0.0.1:9/a.png"])
    finally:
        outbox.request_id.reset(token)
    (line,) = until(lambda: of_page(celery_setup, id))
    assert (line["source"], line["request_id"]) == ("scan.png", "request-1")
    page = celery_setup.client.look_up_batch(batch).items[0][1].id
    (line,) = until(lambda: of_page(celery_setup, page))
    assert (line["source"], line["request_id"]) == ("http://127.0.0.1:9/a.png", "request-1")
    assert (line["event"], line["level"]) == ("page will be tried again", "info")


def test_a_page_keeps_both_when_it_is_tried_again(celery_setup: OcrSetup, origin: Origin) -> None:
    token = outbox.request_id.set("request-2")
    try:
        id = celery_setup.client.submit_url(f"{origin.url}/once/77")
    finally:
        outbox.request_id.reset(token)
    assert celery_setup.client.wait(id, timeout=60).result
    until(lambda: len(of_page(celery_setup, id)) == 2)
    assert {line["request_id"] for line in of_page(celery_setup, id)} == {"request-2"}


def test_a_page_whose_worker_was_killed_has_its_source_too(celery_setup: OcrSetup) -> None:
    id, name = "killed", f"{quarantine.FAIL_AFTER}"
    killed = {"alone": name, "deaths": name, "killed": "worker", "created_at": 1, "state": "PENDING"}
    celery_setup.redis.client.hset(keys.task(id), mapping=killed)
    celery_setup.send("ocr.image", png(), task_id=id, headers={"file_name": "a/b.png"})
    (line,) = until(lambda: of_page(celery_setup, id))
    assert (line["event"], line["code"], line["source"]) == ("page failed", "worker_killed", "a/b.png")
    assert line["level"] == "error"


def test_options_without_effect_are_said_and_the_log_goes_where_it_is_sent(
    celery_setup: OcrSetup, tmp_path: Path
) -> None:
    log = tmp_path / "%n.log"
    worker = Worker("w2", celery_setup.redis.url, SETTINGS, "-c", "4", "-P", "solo", "-l", "INFO", "-f", str(log))
    try:
        file = tmp_path / "w2.log"
        until(lambda: file.exists() and "w2@test ready." in file.read_text(), what="it is ready")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    finally:
        worker.end()
    said = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["event"].partition(" has")[0] for line in said if "the option" in line["event"]] == [
        "the option -c",
        "the option -P",
    ]
    assert said[-1]["event"] == "worker: Warm shutdown (MainProcess)"
    assert "DEBUG" not in {line["level"].upper() for line in said}, "-l goes before OCR_LOG_LEVEL"


def test_nothing_secret_stands_in_the_log_even_when_it_tells_all(celery_setup: OcrSetup, origin: Origin) -> None:
    image = png(640, 480)
    host = origin.url.removeprefix("http://")
    urls = [
        f"{origin.page(100)}?signature={SECRET}",
        f"{origin.page(100)}#{SECRET}",
        f"http://user:{SECRET}@{host}/100",
        f"{origin.url}/404?{SECRET}",
        f"http://127.0.0.1:9/x?{SECRET}",
        f"http://10.0.0.1/x?{SECRET}",
        f"nowhere?{SECRET}",
    ]
    sent = [celery_setup.send("ocr.url", url, kwargs={"prompt": f"bad luck {i}"}) for i, url in enumerate(urls)]
    sent += [
        celery_setup.send("ocr.url", kwargs={"url": urls[0]}),
        celery_setup.send("ocr.url", urls[0], kwargs={"signature": SECRET}),
        celery_setup.send("ocr.image", image),
        celery_setup.send("ocr.image", image[:2000]),
        celery_setup.send("ocr.url", urls[0], countdown=0.2, expires=0.1),
    ]
    ids = [celery_setup.client.submit_url(urls[0]), celery_setup.client.submit_image(image, name="page.png")]
    for result in sent:
        until(lambda result=result: result.status not in ("PENDING", "STARTED"))
    for id in ids:
        celery_setup.client.wait(id, timeout=60)
    log = celery_setup.worker.logs()
    assert "page read" in log
    for secret in (SECRET, repr(image)[10:30], b64encode(image).decode()[20:60]):
        assert secret not in log, "\n".join(line for line in log.splitlines() if secret in line)
