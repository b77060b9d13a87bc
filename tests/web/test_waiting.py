"""Whoever asks with `wait` is answered as soon as the task is final, else as it stands; and nobody else waits for that."""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.errors import EmptyFile
from ocr_celery.settings import Settings
from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer, png, until
from tests.testlib.threads import Start
from tests.testlib.worker_double import Facade, Queued, WorkerDouble

with_gunicorn = pytest.mark.skipif(sys.platform != "linux", reason="as the other tests with gunicorn")


def until_waiting(client: Client, ids: int = 1) -> None:
    until(lambda: len(client.changes._watches) >= ids and client.changes.is_listening, what="a request waits")


# -- GET ---------------------------------------------------------------------------------------------------------------


def test_the_answer_comes_when_the_task_is_final(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start, woken_only: None
) -> None:
    id = client.submit_url("http://a/")
    answer = start(http.get, f"/ocr/{id}?wait=50&format=raw")
    until_waiting(client)
    worker.start(id)
    worker.complete(id, "# Text")
    assert answer.result(40).json["result"] == "# Text"
    assert "Retry-After" not in answer.result().headers


def test_a_batch_is_answered_when_all_its_pages_are_final(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start, woken_only: None
) -> None:
    batch = client.submit_batch(["http://a/", "http://b/"])
    first, last = (task.id for _, task in client.look_up_batch(batch).items)
    answer = start(http.get, f"/ocr/batch/{batch}?wait=50")
    until_waiting(client, ids=2)
    worker.complete(first)
    worker.fail(last, EmptyFile())
    body = answer.result(40).json
    assert (body["status"], body["completed"], body["failed"]) == ("completed", 1, 1)


@pytest.mark.parametrize("wait", ["0.2", "0.25", ".2"])
def test_when_the_time_is_over_the_answer_says_how_it_stands(http: FlaskClient, client: Client, wait: str) -> None:
    id, batch = client.submit_url("http://a/"), client.submit_batch(["http://a/"])
    for path in (f"/ocr/{id}", f"/ocr/batch/{batch}"):
        began = time.monotonic()
        answer = http.get(f"{path}?wait={wait}")
        assert time.monotonic() - began >= 0.2
        assert (answer.status_code, answer.json["status"]) == (200, "pending")
        assert "Retry-After" not in answer.headers


@pytest.mark.parametrize("wait", ["51", "-1", "nan", "inf", "1e9", "soon", ""])
@pytest.mark.parametrize("path", ["/ocr/x", "/ocr/batch/x", "/ocr/url"])
def test_a_wait_that_is_none_is_refused_with_a_sentence(
    http: FlaskClient, queued: Queued, path: str, wait: str
) -> None:
    asked = {"method": "POST", "json": {"url": "http://a/"}} if path == "/ocr/url" else {}
    answer = http.open(f"{path}?wait={wait}", **asked)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    assert answer.json["detail"].startswith("wait: ")
    assert not queued()


def test_what_is_unknown_is_answered_at_once(http: FlaskClient) -> None:
    for path in ("/ocr/nobody", "/ocr/batch/nobody"):
        assert http.get(f"{path}?wait=50").json["code"] == "task_not_found"


def test_with_no_place_to_wait_the_answer_comes_at_once_and_says_when_to_ask_again(
    facade: Facade, client: Client, worker: WorkerDouble
) -> None:
    http = facade(web_waits=0)
    id = client.submit_url("http://a/")
    answer = http.get(f"/ocr/{id}?wait=50")
    assert (answer.json["status"], answer.headers["Retry-After"]) == ("pending", "1")
    sent = http.post("/ocr/url?wait=50", json={"url": "http://a/"})
    assert (sent.status_code, sent.headers["Retry-After"]) == (202, "1")
    worker.complete(id)
    answer = http.get(f"/ocr/{id}?wait=50")
    assert answer.json["status"] == "completed"
    assert "Retry-After" not in answer.headers


# -- POST --------------------------------------------------------------------------------------------------------------

SENT: dict[str, Callable[[], dict[str, Any]]] = {
    "/ocr": lambda: {"data": {"file": (BytesIO(png()), "page.png")}},
    "/ocr/url": lambda: {"json": {"url": "http://a/"}},
    "/ocr/url/batch": lambda: {"json": {"urls": ["http://a/"]}},
}


def task_sent(client: Client) -> str:
    """The only task that waits for a worker."""
    return str(until(lambda: client.redis.zrange(client.keys.all_counted[0], 0, -1))[0].decode())


@pytest.mark.parametrize("path", SENT)
@pytest.mark.usefixtures("woken_only")
def test_what_is_sent_is_answered_as_get_shows_it_once_it_is_final(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start, path: str
) -> None:
    answer = start(http.post, f"{path}?wait=50&details=true", **SENT[path]())
    id = task_sent(client)
    until_waiting(client)
    worker.complete(id, "# Text")
    body = answer.result(40).json
    assert answer.result().status_code == 200
    where = f"/ocr/batch/{body['batch_task_id']}" if "batch_task_id" in body else f"/ocr/{id}"
    assert body == http.get(f"{where}?details=true").json


@pytest.mark.parametrize("path", SENT)
def test_what_is_sent_and_not_final_in_time_is_answered_as_without_wait(http: FlaskClient, path: str) -> None:
    plain, waited = http.post(path, **SENT[path]()), http.post(f"{path}?wait=0.1", **SENT[path]())
    assert plain.status_code == waited.status_code == 202
    assert set(plain.json) == set(waited.json)
    assert waited.json["status"] == "pending"
    assert http.get(waited.headers["Location"]).status_code == 200


def test_a_page_that_failed_meanwhile_is_answered_with_its_error(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start
) -> None:
    answer = start(http.post, "/ocr/url?wait=50", json={"url": "http://a/"})
    worker.fail(task_sent(client), EmptyFile())
    assert (answer.result(40).status_code, answer.result().json["code"]) == (200, "empty_file")


def test_a_file_is_not_kept_in_memory_while_its_page_is_waited_for(
    http: FlaskClient, client: Client, worker: WorkerDouble, start: Start
) -> None:
    memory = http.application.extensions["body_memory"]
    free = memory.free
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="page.png"\r\n\r\n'
    form = head + png() + bytes(3_000_000) + b"\r\n--b--\r\n"
    answer = start(http.post, "/ocr?wait=50", data=form, content_type="multipart/form-data; boundary=b")
    until_waiting(client)
    assert memory.free == free
    worker.complete(task_sent(client))
    assert answer.result(40).status_code == 200


# -- with its server ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sender(redis: RedisServer) -> Iterator[Client]:
    """A client in another process than the facade."""
    client = Client(Settings(redis_url=redis.url, batch_size=1), service=True)
    yield client
    client.redis.close()


def ask(server: Served, path: str, method: str = "GET") -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=40)
    sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return sock


def answer_on(sock: socket.socket) -> dict[str, Any]:
    data = b""
    with sock:
        while piece := sock.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    return {"http_status": int(head.split()[1]), **json.loads(body)}


def subscriptions(client: Client) -> int:
    return int(client.redis.pubsub_numsub(client.keys.changes)[0][1])


def is_full(server: Served, id: str) -> bool:
    """Whether another request finds no place to wait. (It takes one for a moment, if there is one.)"""
    return "Retry-After" in requests.get(f"{server.url}/ocr/{id}?wait=0.01", timeout=20).headers


def fill_places(server: Served, id: str, count: int) -> list[socket.socket]:
    """So many requests that wait for this task, and take all places there are."""
    waiting = [ask(server, f"/ocr/{id}?wait=50") for _ in range(count)]
    calm = 0

    def all_wait() -> bool:
        nonlocal calm
        refused = [n for n, sock in enumerate(waiting) if select.select([sock], [], [], 0)[0]]
        for n in refused:  # one who hung up is not noticed yet, or it met the question whether all places are taken
            waiting[n].close()
            waiting[n] = ask(server, f"/ocr/{id}?wait=50")
        calm = calm + 1 if is_full(server, id) and not refused else 0
        return calm == 3  # an answer may be on its way

    until(all_wait, what="all places are taken")
    return waiting


@with_gunicorn
def test_who_waits_takes_no_thread_from_others_and_who_hung_up_gives_the_place_back(
    sender: Client, worker: WorkerDouble
) -> None:
    id = sender.submit_url("http://a/")
    with served(sender.settings.redis_url, OCR_WEB_THREADS=1, OCR_WEB_WAITS=20) as server:
        waiting = fill_places(server, id, 20)
        assert requests.get(f"{server.url}/stats", timeout=20).ok
        for sock in waiting[::2]:
            sock.close()
        until(lambda: not is_full(server, id), what="a place is free")
        again = fill_places(server, id, 10)
        worker.complete(id)
        assert [answer_on(sock)["status"] for sock in [*waiting[1::2], *again]] == ["completed"] * 20
        assert "Traceback" not in server.log


@with_gunicorn
def test_a_request_that_waits_longer_than_an_upload_may_take_is_answered(sender: Client, worker: WorkerDouble) -> None:
    id = sender.submit_url("http://a/")
    with served(sender.settings.redis_url, OCR_UPLOAD_TIMEOUT=0.1) as server, requests.Session() as kept:
        for _ in range(2):
            began = time.monotonic()
            assert kept.get(f"{server.url}/ocr/{id}?wait=2", timeout=20).json()["status"] == "pending"
            assert time.monotonic() - began >= 2


@with_gunicorn
def test_a_facade_that_ends_answers_who_waits(sender: Client, worker: WorkerDouble) -> None:
    id = sender.submit_url("http://a/")
    with served(sender.settings.redis_url) as server:
        waiting = [ask(server, f"/ocr/{id}?wait=50") for _ in range(10)]
        until(lambda: subscriptions(sender) == 1, what="they wait")
        os.kill(server.process.pid, signal.SIGTERM)
        assert [answer_on(sock)["status"] for sock in waiting] == ["pending"] * 10
        until(lambda: server.process.poll() == 0, what="it has ended in order", timeout=12)


@with_gunicorn
def test_redis_that_goes_away_is_said_so_to_who_waits(own: RedisServer, worker: WorkerDouble) -> None:
    client = Client(Settings(redis_url=own.url))
    id = client.submit_url("http://a/")
    with served(own.url) as server:
        waiting = ask(server, f"/ocr/{id}?wait=50")
        until(lambda: subscriptions(client) == 1, what="it waits")
        own.stop(signal.SIGKILL)
        assert answer_on(waiting)["code"] == "broker_unavailable"


@with_gunicorn
def test_a_page_that_was_accepted_stays_so_when_redis_goes_away_meanwhile(
    own: RedisServer, worker: WorkerDouble
) -> None:
    client = Client(Settings(redis_url=own.url))
    with served(own.url) as server, ThreadPoolExecutor(1) as pool:
        sent = pool.submit(requests.post, f"{server.url}/ocr/url?wait=50", json={"url": "http://a/"}, timeout=60)
        until(lambda: subscriptions(client) == 1, what="it waits")
        own.stop(signal.SIGKILL)
        assert (sent.result(40).status_code, sent.result().json()["status"]) == (202, "pending")


@with_gunicorn
def test_the_log_tells_waiting_from_work(sender: Client, worker: WorkerDouble) -> None:
    with served(sender.settings.redis_url) as server:
        requests.post(f"{server.url}/ocr/url?wait=0.5", json={"url": "http://a/"}, timeout=20)
        lines = [json.loads(line) for line in server.log.splitlines()]
    (line,) = [line for line in lines if line.get("path") == "/ocr/url"]
    assert line["long_poll_ms"] >= 500 > line["ms"]
