"""Bodies that are large, many at the same time: they cost a bounded amount of memory, and others are served meanwhile."""

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer, png
from tests.testlib.worker_double import Facade
from web.request_body import BodyMemory

LARGE = 8 * 1024 * 1024 - 100  #: bytes
MANY = 8
JSON = {"Content-Type": "application/json"}

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def peak(server: Served) -> int:
    """The most memory the answering process ever had, in bytes."""
    (found,) = (s for s in Path(f"/proc/{server.worker_pid}/status").read_text().splitlines() if s.startswith("VmHWM:"))
    return int(found.split()[1]) * 1024


def unknown_fields() -> bytes:
    """As many as fit in."""
    return b"{" + b",".join(b'"%d":1' % n for n in range(750_000)) + b"}"


def nested() -> bytes:
    return b'{"urls":[' + b"[{}]," * (LARGE // 5 - 10) + b"1]}"


@only_linux
@pytest.mark.parametrize("body", [unknown_fields(), nested()], ids=["unknown fields", "lists"])
def test_large_json_at_once_costs_little_more_than_it_weighs(redis: RedisServer, body: bytes) -> None:
    with served(redis.url) as server, ThreadPoolExecutor(MANY) as callers:
        before = peak(server)
        sent = [callers.submit(requests.post, server.url + "/ocr/url", body, headers=JSON) for _ in range(MANY)]
        while not all(map(Future.done, sent)):
            assert requests.get(server.url + "/health", timeout=30).status_code == 200
        assert [answer.result().status_code for answer in sent] == [422] * MANY
        assert peak(server) - before < 3 * MANY * LARGE


@only_linux
def test_files_at_once_are_held_up_to_a_bound_and_the_others_take_their_turn(redis: RedisServer) -> None:
    size = 8 * 1024 * 1024
    file = {"file": ("page.png", png() + bytes(size - 1000))}
    with (
        served(redis.url, OCR_MAX_IMAGE_SIZE_MB=8, OCR_MAX_DOCUMENT_MB=8, OCR_WEB_THREADS=24) as server,
        ThreadPoolExecutor(24) as callers,
    ):
        before = peak(server)
        sent = [callers.submit(requests.post, server.url + "/ocr", files=file) for _ in range(24)]
        statuses = [answer.result().status_code for answer in sent]
        assert statuses.count(202) >= 6
        assert set(statuses) <= {202, 503}  # 503: no memory was free for 10 s
        # 6 as a whole, most of them twice for a moment, and the first megabyte of each other
        assert peak(server) - before < 14 * size


def test_room_is_bounded_and_given_back() -> None:
    memory = BodyMemory(10)
    assert memory.reserve(6, timeout=0)
    assert not memory.reserve(5, timeout=0)
    assert memory.reserve(4, timeout=0)
    memory.release(6)
    assert memory.reserve(6, timeout=0)


def test_a_body_that_finds_no_room_is_503_and_what_it_took_is_free_again(
    facade: Facade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.request_body._RESERVE_TIMEOUT", 0)
    http = facade()
    memory: BodyMemory = http.application.extensions["body_memory"]
    free, memory.free = memory.free, 1024 * 1024
    answer = post_large(http)
    assert (answer.status_code, answer.json["code"]) == (503, "queue_full")
    assert int(answer.headers["Retry-After"]) > 0
    memory.free = free
    assert post_large(http).status_code == 202
    assert memory.free == free


def post_large(http: FlaskClient) -> TestResponse:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="page.png"\r\n\r\n'
    form = head + png() + bytes(3 * 1024 * 1024) + b"\r\n--b--\r\n"
    return http.post("/ocr", data=form, content_type="multipart/form-data; boundary=b")
