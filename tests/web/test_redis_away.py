"""Without Redis every call is answered within 3 s that it is away: none hangs, none breaks, and all work when it is back."""

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests

from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer, free_port, png, until

ID = "550e8400-e29b-41d4-a716-446655440000"
WITHIN = 3.0  #: seconds
DETAIL = "Redis (the task broker) does not answer. Please try again later."
CALLS = {
    "file": ("POST", "/ocr", {"files": {"file": ("page.png", png())}}),
    "url": ("POST", "/ocr/url", {"json": {"url": "http://a/"}}),
    "batch": ("POST", "/ocr/url/batch", {"json": {"urls": ["http://a/"]}}),
    "task": ("GET", f"/ocr/{ID}", {}),
    "result": ("GET", f"/ocr/{ID}/result", {}),
    "batch task": ("GET", f"/ocr/batch/{ID}", {}),
    "task waited for": ("GET", f"/ocr/{ID}?wait=50", {}),
    "task events": ("GET", f"/ocr/{ID}/events", {}),
    "batch events": ("GET", f"/ocr/batch/{ID}/events", {}),
    "cancel": ("POST", f"/ocr/{ID}/cancel", {}),
    "cancel batch": ("POST", f"/ocr/batch/{ID}/cancel", {}),
    "forget": ("DELETE", f"/ocr/{ID}", {}),
    "forget batch": ("DELETE", f"/ocr/batch/{ID}", {}),
    "stats": ("GET", "/stats", {}),
    "ready": ("GET", "/ready", {}),
    "health": ("GET", "/health", {}),
}


def call(server: Served, name: str) -> requests.Response:
    method, path, what = CALLS[name]
    return requests.request(method, server.url + path, timeout=20, **what)


def check_away(server: Served, name: str) -> float:
    """Returns the seconds it took."""
    begin = time.monotonic()
    answer = call(server, name)
    took = time.monotonic() - begin
    assert answer.status_code == 503, server.log
    body = answer.json()
    assert {"detail": DETAIL, "code": "broker_unavailable"}.items() <= body.items()
    if name == "health":
        assert body["status"] == "unhealthy"
        assert body["checks"] == {"redis": "away", "eviction": "unknown", "workers": 0}
    else:
        assert len(body) == 2
    assert int(answer.headers["Retry-After"]) > 0
    return took


def check_all_away(server: Served) -> None:
    """All calls at once, beside one that needs no Redis: what that takes is due to how busy the machine is."""
    with ThreadPoolExecutor(len(CALLS) + 1) as pool:
        needs_none = pool.submit(timed_start_page, server)
        took = list(pool.map(partial(check_away, server), CALLS))
    assert max(took) < WITHIN + needs_none.result()


def timed_start_page(server: Served) -> float:
    """The seconds until `/` is answered."""
    begin = time.monotonic()
    assert requests.get(server.url, timeout=20).status_code == 200
    return time.monotonic() - begin


@pytest.fixture(scope="module")
def without() -> Iterator[Served]:
    """A facade whose Redis is not there: nothing listens."""
    with served(f"redis://127.0.0.1:{free_port()}/0") as server:
        yield server


@pytest.fixture(scope="module")
def hanging() -> Iterator[Served]:
    """A facade whose Redis takes connections and never answers."""
    deaf = socket.create_server(("127.0.0.1", 0), backlog=128)
    with deaf, served(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0") as server:
        yield server


def test_where_nothing_listens(without: Served) -> None:
    check_all_away(without)


def test_where_nobody_answers(hanging: Served) -> None:
    check_all_away(hanging)


def test_what_needs_no_redis_goes_on(without: Served) -> None:
    for path in ("/", "/docs", "/openapi.json"):
        assert requests.get(without.url + path, timeout=20).status_code == 200
    assert requests.post(without.url + "/ocr/url", json={"url": ""}, timeout=20).status_code == 422


def test_a_redis_that_freezes_under_open_connections_and_thaws(own: RedisServer) -> None:
    with served(own.url) as server:
        assert call(server, "file").status_code == 202
        own.process.send_signal(signal.SIGSTOP)
        check_all_away(server)
        own.process.send_signal(signal.SIGCONT)
        until(lambda: call(server, "health").status_code == 200, what="Redis answers again")
        assert call(server, "file").status_code == 202


def test_a_redis_that_is_killed_and_comes_back(own: RedisServer) -> None:
    with served(own.url) as server:
        location = call(server, "file").headers["Location"]
        until(lambda: not own.client.info("persistence")["aof_buffer_length"], what="Redis has written it")
        own.stop(signal.SIGKILL)
        check_all_away(server)
        own.start()
        assert call(server, "url").status_code == 202
        assert requests.get(server.url + location, timeout=20).json()["status"] == "pending"
        assert "Traceback" not in server.log
