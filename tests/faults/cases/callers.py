"""Callers who come in crowds, who send a byte now and then, or who send anything at all."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.case import case
from tests.faults.memory import resident
from tests.faults.scene import Scene

CROWD = 500  #: connections at once
GROWTH = 30 * 1024 * 1024  #: bytes that a facade may have grown after a crowd


@case("500 connections at once", short=1, long=10, linux=True)
def crowd(scene: Scene, rounds: int) -> None:
    scene.worker()
    facade = scene.facade()
    lock = threading.Lock()

    def call(_: int) -> None:
        answer = requests.post(f"{facade.url}/ocr/url", json={"url": "http://127.0.0.1:1/"}, timeout=60)
        assert answer.status_code == 202, answer.text
        with lock:
            scene.ledger.accept(answer.json()["task_id"], "!download_failed")

    for _ in range(rounds):
        with ThreadPoolExecutor(CROWD) as pool:
            list(pool.map(call, range(CROWD)))


HEAD = b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9999\r\n\r\n"


@case("12 uploads that stall, others are served", short=1, long=5, linux=True)
def loris(scene: Scene, rounds: int) -> None:
    scene.worker()
    facade = scene.facade()
    before = resident(facade.worker_pid)
    for _ in range(rounds):
        slow = [
            socket.create_connection(("127.0.0.1", facade.port), timeout=20) for _ in range(12)
        ]  # fewer than there are threads
        for sock in slow:
            sock.sendall(HEAD + b"--b")
        began = time.monotonic()
        answer = requests.get(f"{facade.url}/health", timeout=60)
        assert answer.status_code == 200
        scene.recovered.append(time.monotonic() - began)
        for sock in slow:
            sock.close()
    assert resident(facade.worker_pid) - before < GROWTH
    with scene.flow_over_http(facade.url):
        scene.work_a_while()


@case("24 uploads that stall, for 16 threads", short=1, long=5, within=10, linux=True)
def more_than_threads(scene: Scene, rounds: int) -> None:
    """Others wait until the first are given up, and the next, which queue behind these."""
    scene.worker()
    facade = scene.facade(OCR_UPLOAD_TIMEOUT=2)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            began = time.monotonic()
            slow = [socket.create_connection(("127.0.0.1", facade.port), timeout=20) for _ in range(24)]
            for n, sock in enumerate(slow):
                sock.sendall(HEAD if n % 2 else HEAD + b"--b")
            scene.accepts_again(began)
            for sock in slow:
                sock.close()
    assert not flow.errors, flow.errors[:3]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("url", "urls", "prompt", "temperature", "max_tokens", "ngram_size", "window_size")
BODY = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), ANY, max_size=5) | ANY


@case("random JSON", short=200, long=5000, linux=True)
def random_json(scene: Scene, rounds: int) -> None:
    facade = scene.facade(OCR_URL_ALLOW="")
    session = requests.Session()

    @settings(max_examples=rounds, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(body=BODY, path=st.sampled_from(["/ocr/url", "/ocr/url/batch"]))
    def send(body: object, path: str) -> None:
        answer = session.post(facade.url + path, json=body, timeout=20)
        assert answer.status_code < 500, (body, answer.text)
        if answer.status_code != 202:
            assert set(answer.json()) >= {"detail", "code"}

    send()
    before = resident(facade.worker_pid)
    send()
    assert resident(facade.worker_pid) - before < GROWTH
    session.close()
    scene.worker()
    with scene.flow_over_http(facade.url):
        scene.work_a_while()
