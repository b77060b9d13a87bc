"""The log tells of every request what it was and how it ended, and nothing private of what was sent."""

import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import requests
import structlog
from flask.testing import FlaskClient

from ocr_celery import logs
from ocr_celery.client import Client
from ocr_celery.settings import Settings
from tests.testlib.facade_process import served
from tests.testlib.processes import ROOT, RedisServer, png, until, waiting

QUEUE = Settings().queue


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
    logs.configure("DEBUG", "json", log.stream)
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


def test_the_line_says_who_asked_how_much_was_sent_and_which_page_it_became(http: FlaskClient, log: Log) -> None:
    sent = {"headers": {"User-Agent": "curl/8"}, "environ_base": {"REMOTE_ADDR": "10.0.0.7"}}
    task = http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}, **sent).json
    batch = http.post("/ocr/url/batch", json={"urls": ["http://a/b.png"]}, **sent).json
    first, second = [line for line in log.lines if line["event"] == "request"]
    assert (first["client"], first["user_agent"], first["level"]) == ("10.0.0.7", "curl/8", "info")
    assert first["size"] > len(png())
    assert first["task_id"] == task["task_id"]
    assert second["batch_task_id"] == batch["batch_task_id"]


def test_the_request_id_travels_in_the_message_of_each_page(http: FlaskClient, client: Client) -> None:
    http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}, headers={"X-Request-ID": "r1"})
    http.post("/ocr/url", json={"url": "http://a/b.png"}, headers={"X-Request-ID": "r2"})
    http.post("/ocr/url/batch", json={"urls": ["http://a/b.png"]}, headers={"X-Request-ID": "r3"})
    client.submit_url("http://a/b.png")
    headers = [json.loads(text)["headers"] for text in waiting(client.redis, QUEUE)]
    assert [header.get("request_id") for header in headers] == ["r1", "r2", None, "r3"]  # that of the batch in its lane
    assert headers[0]["file_name"] == "page.png"


def test_who_asks_again_and_again_is_logged_at_debug_only_while_all_is_well(http: FlaskClient, log: Log) -> None:
    id = http.post("/ocr/url", json={"url": "http://a/b.png"}).json["task_id"]
    for path in (f"/ocr/{id}", "/stats", "/ocr/unknown"):
        http.get(path)
    levels = [(line["status"], line["level"]) for line in log.lines if line["event"] == "request"]
    assert levels == [(202, "info"), (200, "debug"), (200, "debug"), (404, "info")]
    assert [line.get("code") for line in log.lines if line["event"] == "request"][-1] == "task_not_found"


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
    url = "https://example.com/image.jpg?X-Amz-Signature=SECRET3#SECRET4"
    refused = "https://SECRET1:SECRET2@example.com/image.jpg"
    assert http.post("/ocr/url?key=SECRET5", json={"url": url}).status_code == 422
    assert http.post("/ocr/url", json={"url": refused}).status_code == 422
    assert http.post("/ocr/url", json={"url": url, "prompt": "SECRET6"}).status_code == 202
    assert http.post("/ocr/url/batch", json={"urls": [url, refused, {"SECRET7": "SECRET8"}]}).status_code == 202
    picture = png() + b"SECRET9"
    answer = http.post("/ocr", data={"file": (BytesIO(picture), "page.png"), "prompt": "SECRET6"})
    assert answer.status_code == 202
    assert http.post("/ocr/url", json={"url": url, "max_tokens": "SECRET10"}).status_code == 422
    assert len([line for line in log.lines if line["event"] == "request"]) == 6
    assert "SECRET" not in log.text


def test_what_flower_and_events_show_of_a_task_has_no_query_and_no_picture(http: FlaskClient, client: Client) -> None:
    url = "https://example.com/image.jpg?X-Amz-Signature=SECRET3"
    http.post("/ocr/url", json={"url": url, "prompt": "SECRET6"})
    http.post("/ocr/url/batch", json={"urls": [url], "prompt": "SECRET6"})
    http.post("/ocr", data={"file": (BytesIO(png()), "page.png"), "prompt": "SECRET6"})
    headers = [json.loads(text)["headers"] for text in waiting(client.redis)]
    assert [header["argsrepr"] for header in headers] == [
        "(https://example.com/image.jpg)",
        f"('page.png', {len(png())} bytes)",
        "(https://example.com/image.jpg)",
    ]
    assert "SECRET" not in json.dumps(headers)


def test_every_line_that_the_facade_writes_is_json_with_its_name(redis: RedisServer) -> None:
    with served(redis.url, OCR_LOG_LEVEL="DEBUG") as server:
        assert requests.get(f"{server.url}/stats", timeout=5).ok
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as rude:
            rude.sendall(b"no request\r\n\r\n")
            rude.recv(1000)
        os.kill(server.worker_pid, signal.SIGKILL)
        until(lambda: server.log.count("Booting worker") == 2, what="gunicorn has started another process")
        server.stop()
        lines = [json.loads(line) for line in server.log.splitlines()]
    assert {"event", "level", "timestamp", "program", "host"} <= set.intersection(*({*line} for line in lines))
    assert {line["program"] for line in lines} == {"facade"}


def test_where_it_cannot_listen_the_facade_says_so_in_one_line(redis: RedisServer) -> None:
    env = {**os.environ, "OCR_HOST": "192.0.2.1", "OCR_PORT": "8000", "REDIS_URL": redis.url}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:web.gunicorn_conf", "web.wsgi:app"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    said = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert [line for line in said if "OCR_HOST=192.0.2.1 OCR_PORT=8000: cannot listen there" in line] == said[-1:]
    assert not [line for line in said if "Retrying" in line]
