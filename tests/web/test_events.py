"""A page or batch can be followed: each change is an event, and who comes back gets what is newer."""

import json
import os
import signal
import socket
import sys
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.errors import BrokerUnavailable, EmptyFile
from ocr_celery.settings import Settings
from ocr_celery.store import change_feed
from tests.testlib.facade_process import served
from tests.testlib.processes import RedisServer, keys, until
from tests.testlib.threads import Start
from tests.testlib.worker_double import Facade, WorkerDouble
from web import events

Event = dict[str, Any]


def parsed(text: str) -> list[Event]:
    """The events of a stream."""
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.split("\n\n") if ": " in block]
    return [{**block, "data": json.loads(block["data"])} for block in blocks if "data" in block]


class Follower:
    """Reads a stream of the test client in a thread."""

    def __init__(self, http: FlaskClient, path: str, pool: Start, last: str = "") -> None:
        headers = {"Last-Event-ID": last} if last else {}
        self.response = http.get(path, headers=headers)
        self.text = ""
        self.ended = pool(self._read)

    def _read(self) -> None:
        for piece in self.response.iter_encoded():
            self.text += piece.decode()
        self.response.close()

    def until(self, count: int) -> list[Event]:
        until(lambda: len(parsed(self.text)) >= count, what=f"{count} events have come")
        return parsed(self.text)


def test_each_change_of_a_page_is_an_event_and_the_final_one_is_the_last(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start, woken_only: None
) -> None:
    id = client.submit_url("http://a/")
    stream = Follower(http, f"/ocr/{id}/events", start)
    assert stream.response.mimetype == "text/event-stream"
    assert stream.response.headers["Cache-Control"] == "no-store"
    stream.until(1)
    until(lambda: client.changes.is_listening)
    worker.start(id)
    stream.until(2)
    worker.complete(id, "SECRET")
    stream.ended.result(60)
    found = parsed(stream.text)
    assert stream.text.startswith("retry: ")
    assert [(event["event"], event["data"]["status"]) for event in found] == [
        ("status", "pending"),
        ("status", "processing"),
        ("status", "completed"),
    ]
    assert "SECRET" not in stream.text
    shown = http.get(f"/ocr/{id}").json
    assert shown.pop("result") == "SECRET"
    assert found[-1]["data"] == shown
    assert len({event["id"] for event in found}) == 3


def test_a_batch_is_followed_until_all_its_pages_are_final(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start, woken_only: None
) -> None:
    batch = client.submit_batch(["http://a/", "no address", "http://b/"])
    first, _, last = (task.id for _, task in client.look_up_batch(batch).items)
    stream = Follower(http, f"/ocr/batch/{batch}/events", start)
    stream.until(1)
    until(lambda: client.changes.is_listening)
    worker.complete(first, "SECRET")
    stream.until(2)
    worker.fail(last, EmptyFile())
    stream.ended.result(60)
    found = [event["data"] for event in parsed(stream.text)]
    assert [(data["status"], data["completed"], data["failed"]) for data in found] == [
        ("processing", 0, 1),
        ("processing", 1, 1),
        ("completed", 1, 2),
    ]
    assert [page["status"] for page in found[-1]["results"]] == ["completed", "failed", "failed"]
    assert "SECRET" not in stream.text


def test_who_comes_back_gets_only_what_is_newer(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start, woken_only: None
) -> None:
    id = client.submit_url("http://a/")
    known = Follower(http, f"/ocr/{id}/events", start)
    (pending,) = known.until(1)
    again = Follower(http, f"/ocr/{id}/events", start, last=pending["id"])
    until(lambda: client.changes.is_listening)
    worker.complete(id)
    again.ended.result(60)
    known.ended.result(60)
    (completed,) = parsed(again.text)
    assert completed["data"]["status"] == "completed"
    late = http.get(f"/ocr/{id}/events", headers={"Last-Event-ID": pending["id"]})
    assert parsed(late.text) == [completed]
    over = http.get(f"/ocr/{id}/events", headers={"Last-Event-ID": completed["id"]})
    assert (over.status_code, over.data) == (204, b"")


def test_a_place_in_the_queue_is_no_change(http: FlaskClient, client: Client, worker: WorkerDouble) -> None:
    first, second = client.submit_url("http://a/"), client.submit_url("http://b/")
    before = events.look_at_task(client, second)
    worker.start(first)
    after = events.look_at_task(client, second)
    assert before.id == after.id
    assert json.loads(before.data)["position"] != json.loads(after.data)["position"]


def test_a_stream_shows_that_it_lives(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_COMMENT_INTERVAL", 0.01)
    id = client.submit_url("http://a/")
    stream = Follower(http, f"/ocr/{id}/events", start)
    until(lambda: stream.text.count("\n:\n\n") >= 3)
    worker.complete(id)
    stream.ended.result(60)
    assert [event["data"]["status"] for event in parsed(stream.text)] == ["pending", "completed"]


def test_with_no_place_a_stream_says_how_it_stands_and_ends(facade: Facade, client: Client) -> None:
    http = facade(web_waits=0)
    id = client.submit_url("http://a/")
    answer = http.get(f"/ocr/{id}/events")
    (pending,) = parsed(answer.text)
    assert (pending["data"]["status"], answer.headers["Retry-After"]) == ("pending", "1")
    assert parsed(http.get(f"/ocr/{id}/events", headers={"Last-Event-ID": pending["id"]}).text) == []


def test_a_stream_gives_its_place_back(facade: Facade, client: Client, worker: WorkerDouble) -> None:
    http = facade(web_waits=1)
    id = client.submit_url("http://a/")
    for _ in range(3):
        with http.get(f"/ocr/{id}/events") as stream:
            assert "Retry-After" not in stream.headers
            assert "Retry-After" in http.get(f"/ocr/{id}/events").headers


def test_redis_that_is_away_as_a_stream_begins_costs_no_place(
    facade: Facade, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = facade(web_waits=1)
    id = client.submit_batch(["http://a/"])
    with monkeypatch.context() as patch:
        patch.setattr(Client, "task_ids", lambda *_: (_ for _ in ()).throw(BrokerUnavailable()))
        assert http.get(f"/ocr/batch/{id}/events").status_code == 503
    with http.get(f"/ocr/batch/{id}/events") as stream:
        assert "Retry-After" not in stream.headers


def test_what_is_unknown_or_gone_is_no_stream(http: FlaskClient, client: Client, worker: WorkerDouble) -> None:
    for path in ("/ocr/nobody/events", "/ocr/batch/nobody/events"):
        answer = http.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "task_not_found")
    id = client.submit_url("http://a/")
    worker.complete(id)
    client.redis.delete(keys.meta(id))
    assert http.get(f"/ocr/{id}/events").status_code == 410


def test_a_page_that_is_forgotten_ends_its_stream(
    http: FlaskClient, client: Client, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "LOOK_INTERVAL", 0.01)
    id = client.submit_url("http://a/")
    stream = Follower(http, f"/ocr/{id}/events", start)
    stream.until(1)
    client.redis.delete(keys.task(id))
    stream.ended.result(60)
    last = parsed(stream.text)[-1]
    assert (last["event"], last["data"]["code"]) == ("gone", "task_not_found")


@pytest.mark.skipif(sys.platform != "linux", reason="as the other tests with gunicorn")
def test_a_stream_survives_redis_and_ends_with_the_facade(own: RedisServer, worker: WorkerDouble) -> None:
    client = Client(Settings(redis_url=own.url))
    id = client.submit_url("http://a/")
    with served(own.url, OCR_UPLOAD_TIMEOUT=0.1) as server:
        with requests.get(f"{server.url}/ocr/{id}/events", stream=True, timeout=60) as answer:
            lines = answer.iter_lines(chunk_size=1)
            until(lambda: next(lines).startswith(b"event: "))
            own.stop()
            own.start()
            client._registry.transition(id, "STARTED", now=2e9)
            assert json.loads(until(lambda: _data(next(lines)), what="pending"))["status"] == "pending"
            assert json.loads(until(lambda: _data(next(lines)), what="processing"))["status"] == "processing"
            os.kill(server.process.pid, signal.SIGTERM)
            assert not [line for line in lines if _data(line)]
        until(lambda: server.process.poll() == 0, what="it has ended in order", timeout=12)
        assert "Traceback" not in server.log


def _data(line: bytes) -> bytes:
    return line.removeprefix(b"data: ") if line.startswith(b"data: ") else b""


@pytest.mark.skipif(sys.platform != "linux", reason="as the other tests with gunicorn")
def test_who_hangs_up_ends_the_stream(redis: RedisServer, client: Client, worker: WorkerDouble) -> None:
    id = client.submit_url("http://a/")
    with served(redis.url, OCR_WEB_WAITS=1) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            sock.sendall(f"GET /ocr/{id}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            until(lambda: b"event: status" in sock.recv(65536))
            assert "Retry-After" in requests.get(f"{server.url}/ocr/{id}/events", timeout=20).headers
        until(lambda: "Retry-After" not in requests.head(f"{server.url}/ocr/{id}?wait=0.01", timeout=20).headers)
        assert "Traceback" not in server.log
