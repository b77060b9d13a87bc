"""The log tells of every request what it was and how it ended, and nothing private of what was sent."""

import io
import json
import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from nodes import png

from ocr_celery import telemetry
from ocr_celery.client import Client


class Log:
    """What was logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """The log as production writes it, at its most talkative."""
    root, log = logging.getLogger(), Log()
    before = root.handlers[:], root.level
    telemetry.configure("DEBUG", "json", log.stream)
    yield log
    root.handlers[:], level = before
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_a_request_is_one_line_with_its_id_and_how_it_ended(http: FlaskClient, log: Log) -> None:
    http.get("/ocr/unknown", headers={"X-Request-ID": "caller-1"})
    (line,) = [line for line in log.lines if line["logger"] == "web.access"]
    assert line["ms"] >= 0
    wanted = {"event": "request", "method": "GET", "path": "/ocr/unknown", "status": 404, "request_id": "caller-1"}
    assert {name: line[name] for name in wanted} == wanted


def test_every_line_of_a_request_has_its_id(http: FlaskClient, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Client) -> None:
        logging.getLogger("somebody.else").warning("about to break")
        raise RuntimeError("the reason")

    monkeypatch.setattr(Client, "stats", broken)
    id = http.get("/stats").headers["X-Request-ID"]
    assert {line["request_id"] for line in log.lines} == {id}
    assert {line["logger"] for line in log.lines} == {"somebody.else", "web", "web.access"}
    (error,) = [line for line in log.lines if line["level"] == "error"]
    assert "RuntimeError: the reason" in error["exception"]


def test_probes_are_logged_only_where_everything_is(http: FlaskClient, log: Log) -> None:
    http.get("/health")
    http.get("/ready")
    assert {line["level"] for line in log.lines} == {"debug"}


def test_no_query_user_or_password_of_a_url_and_nothing_of_a_picture_or_prompt_is_logged(
    http: FlaskClient, log: Log
) -> None:
    url = "https://SECRET1:SECRET2@example.com/image.jpg?X-Amz-Signature=SECRET3#SECRET4"
    assert http.post("/ocr/url?key=SECRET5", json={"url": url}).status_code == 422
    assert http.post("/ocr/url", json={"url": url, "prompt": "SECRET6"}).status_code == 202
    assert http.post("/ocr/url/batch", json={"urls": [url, {"SECRET7": "SECRET8"}]}).status_code == 202
    picture = png() + b"SECRET9"
    answer = http.post("/ocr", data={"file": (BytesIO(picture), "page.png"), "prompt": "SECRET6"})
    assert answer.status_code == 202
    assert http.post("/ocr/url", json={"url": url, "max_tokens": "SECRET10"}).status_code == 422
    assert len([line for line in log.lines if line["event"] == "request"]) == 5
    assert "SECRET" not in log.text


def test_what_flower_and_events_show_of_a_task_has_no_query_and_no_picture(http: FlaskClient, client: Client) -> None:
    url = "https://SECRET1:SECRET2@example.com/image.jpg?X-Amz-Signature=SECRET3"
    http.post("/ocr/url", json={"url": url, "prompt": "SECRET6"})
    http.post("/ocr/url/batch", json={"urls": [url], "prompt": "SECRET6"})
    http.post("/ocr", data={"file": (BytesIO(png()), "page.png"), "prompt": "SECRET6"})
    headers = [json.loads(text)["headers"] for text in client.redis.lrange("ocr", 0, -1)]
    assert [header["argsrepr"] for header in headers] == [
        f"('page.png', {len(png())} bytes)",
        "(https://example.com/image.jpg)",
        "(https://example.com/image.jpg)",
    ]
    assert "SECRET" not in json.dumps(headers)
