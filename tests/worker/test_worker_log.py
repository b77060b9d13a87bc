"""The log says how each page was read, in one line, and nothing that a page or its URL should keep to itself."""

import json
from base64 import b64encode
from typing import Any

from nodes import png, until
from origin import Origin
from service import Service

SETTINGS = {"OCR_SCRIPTED_SECONDS": 0.2, "OCR_BATCH_SIZE": 4, "OCR_LOG_LEVEL": "DEBUG", "OCR_SCRIPTED_FAIL": "luck"}
SECRET = "s3cret"


def lines(service: Service) -> list[dict[str, Any]]:
    """All that was logged after Celery's banner, which ends with the name of the queue."""
    _, _, rest = service.worker.log.partition("key=ocr")
    return [json.loads(line) for line in rest.splitlines() if line.strip()]


def of_page(service: Service, id: str) -> list[dict[str, Any]]:
    return [line for line in lines(service) if line.get("task_id") == id]


def test_each_page_has_one_line_with_its_times(service: Service) -> None:
    sent = [service.send("ocr.image", png(100 + i)) for i in range(4)]
    bad = service.send("ocr.image", b"no image")
    for result in (*sent, bad):
        until(result.ready)
    until(service.is_settled)
    for i, result in enumerate(sent):
        (line,) = of_page(service, result.id)
        assert (line["event"], line["level"], line["task"]) == ("page read", "info", "ocr.image")
        assert line["source"] == f"<{len(png(100 + i))} bytes>"
        assert line["waited"] >= 0
        assert line["prepared"] > 0
        assert 0.2 <= line["read"] < 1
        assert 1 <= line["batch"] <= 4
        assert "timestamp" in line
    (line,) = of_page(service, bad.id)
    assert (line["event"], line["code"], line["read"], line["batch"]) == ("page failed", "not_an_image", 0, 0)


def test_every_line_is_json(service: Service) -> None:
    assert len(lines(service)) > 3
    assert all({"event", "level", "timestamp", "logger"} <= line.keys() for line in lines(service))


def test_nothing_secret_stands_in_the_log_even_when_it_tells_all(service: Service, origin: Origin) -> None:
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
    sent = [service.send("ocr.url", url, kwargs={"prompt": f"bad luck {i}"}) for i, url in enumerate(urls)]
    sent += [
        service.send("ocr.url", kwargs={"url": urls[0]}),
        service.send("ocr.url", urls[0], kwargs={"signature": SECRET}),
        service.send("ocr.image", image),
        service.send("ocr.image", image[:2000]),
        service.send("ocr.url", urls[0], countdown=0.2, expires=0.1),
    ]
    ids = [service.client.submit_url(urls[0]), service.client.submit_image(image, name="page.png")]
    for result in sent:
        until(lambda result=result: result.status not in ("PENDING", "STARTED"))
    for id in ids:
        service.client.wait(id, timeout=60)
    log = service.worker.log
    assert "page read" in log
    for secret in (SECRET, repr(image)[10:30], b64encode(image).decode()[20:60]):
        assert secret not in log, "\n".join(line for line in log.splitlines() if secret in line)
