"""Callers who take their time are waited for, not for ever, and nobody else waits with them."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import psutil
import pytest
import requests

from tests.testlib.facade_process import Served, served
from tests.testlib.processes import ROOT, RedisServer, png, until
from web.connections import HEAD_SECONDS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="as the other tests with gunicorn")

HEAD = "POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
THREADS = 2


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Served]:
    """A facade of few threads and little patience."""
    redis_server.empty()
    with served(redis_server.url, OCR_WEB_THREADS=THREADS, OCR_UPLOAD_TIMEOUT=2) as server:
        yield server


def connect(server: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def answer(sock: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def form() -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="file"; filename="page.png"\r\n\r\n' + png() + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("headers", "start"),
    [("Content-Length: 9999\r\n\r\n", b"--b\r\n"), ("Transfer-Encoding: chunked\r\n\r\n", b"5\r\n--b\r\n\r\n10\r\n")],
)
def test_an_upload_that_stalls_is_answered_with_408(server: Served, headers: str, start: bytes) -> None:
    with connect(server) as sock:
        sock.sendall((HEAD + headers).encode() + start)
        head, _, body = answer(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"HTTP/1.1" not in body
    problem = json.loads(body)
    assert re.fullmatch(
        r"The request did not arrive within 2(\.1)? s\.", problem.pop("detail")
    )  # .1: it announced a length
    assert problem == {"code": "request_timeout"}


def test_an_upload_that_takes_long_is_waited_for_as_long_as_it_arrives(redis_server: RedisServer) -> None:
    body = form().replace(b"\r\n--b--", bytes(600_000) + b"\r\n--b--")
    with served(redis_server.url, OCR_UPLOAD_TIMEOUT=0.5, OCR_UPLOAD_RATE=10) as server, connect(server) as sock:
        sock.sendall((HEAD + f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode())
        began, sent = time.monotonic(), 0
        sock.settimeout(0.1)
        while sent < len(body):
            piece = 1000 if time.monotonic() - began < 2 else len(body)
            sent += sock.send(body[sent : sent + piece])
            if sent < len(body):
                with suppress(TimeoutError):
                    assert not sock.recv(65536), "it is answered before it is there"
        sock.settimeout(20)
        assert answer(sock).startswith(b"HTTP/1.1 202 ")


def test_a_head_that_stalls_is_hung_up_on(server: Served) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET /health HT")
        assert answer(sock) == b""


def test_a_caller_who_drips_is_not_waited_for_longer_than_one_who_stalls(server: Served) -> None:
    with connect(server) as sock:
        sock.sendall((HEAD + "Content-Length: 9999\r\n\r\n").encode())
        sock.settimeout(0.1)
        got = b""

        def answered() -> bool:
            nonlocal got
            try:
                sock.sendall(b"x")
                got += sock.recv(65536)
            except TimeoutError:
                return False
            return True

        until(answered, timeout=10, what="there is an answer")
    assert got.startswith(b"HTTP/1.1 408 ")


def test_more_uploads_that_stall_than_there_are_threads_hold_up_others_for_a_while_only(server: Served) -> None:
    with ExitStack() as stack:
        for _ in range(2 * THREADS):
            sock = stack.enter_context(closing(connect(server)))
            sock.sendall((HEAD + "Content-Length: 9999\r\n\r\n").encode())
        assert requests.get(f"{server.url}/health", timeout=20).status_code == 200


@pytest.mark.parametrize(
    "said",
    [b"", b"G", HEAD.encode(), HEALTH + HEALTH[:-1]],
    ids=["nothing", "a byte", "half a head", "half of a second head"],
)
def test_a_connection_without_a_complete_head_takes_no_thread(redis_server: RedisServer, said: bytes) -> None:
    with served(redis_server.url, OCR_WEB_THREADS=THREADS) as server, ExitStack() as stack:
        for _ in range(10 * THREADS):
            sock = stack.enter_context(closing(connect(server)))
            sock.sendall(said)
            if HEALTH in said:
                assert sock.recv(12) == b"HTTP/1.1 200"
        assert requests.get(f"{server.url}/health", timeout=30).status_code == 200


def test_a_kept_connection_without_a_complete_head_takes_no_thread(redis_server: RedisServer) -> None:
    with served(redis_server.url, OCR_WEB_THREADS=THREADS) as server, ExitStack() as stack:
        kept = [stack.enter_context(closing(connect(server))) for _ in range(10 * THREADS)]
        for sock in kept:
            sock.sendall(HEALTH)
            assert sock.recv(12) == b"HTTP/1.1 200"
        for sock in kept:
            sock.sendall(b"G")
        assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
        kept[0].sendall(HEALTH[1:])
        kept[0].shutdown(socket.SHUT_WR)
        assert answer(kept[0]).count(b"HTTP/1.1 200") == 1


def test_requests_sent_at_once_are_answered_in_turn_also_when_the_last_is_split(server: Served) -> None:
    with connect(server) as sock:
        sock.sendall(3 * HEALTH + HEALTH[:10])
        assert requests.get(f"{server.url}/health", timeout=20).ok
        sock.sendall(HEALTH[10:])
        sock.shutdown(socket.SHUT_WR)
        assert answer(sock).count(b"HTTP/1.1 200") == 4


def test_a_caller_who_waits_for_100_continue_is_told_to_go_on(server: Served) -> None:
    head = HEAD + f"Expect: 100-continue\r\nConnection: close\r\nContent-Length: {len(form())}\r\n\r\n"
    with connect(server) as sock:
        sock.sendall(head.encode())
        assert sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(form())
        assert answer(sock).startswith(b"HTTP/1.1 202 ")


def test_a_head_that_does_not_end_is_refused_by_its_size(server: Served) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 6000)
        assert answer(sock).startswith(b"HTTP/1.1 431 ")


def test_a_caller_who_drips_the_head_is_hung_up_on(server: Served) -> None:
    with connect(server) as sock:
        sock.settimeout(0.2)

        def hung_up_on() -> bool:
            try:
                sock.sendall(b"x")
                return sock.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        until(hung_up_on, timeout=HEAD_SECONDS + 50, what="the facade hangs up")


def test_a_connection_that_says_nothing_for_too_long_is_hung_up_on(server: Served) -> None:
    with connect(server) as sock:
        sock.settimeout(HEAD_SECONDS + 30)
        assert answer(sock) == b""  # kept connections have 65 s for their next request


@pytest.mark.parametrize("said", [b"", HEALTH], ids=["silent", "kept"])
def test_more_connections_than_a_process_may_hold_shut_nobody_out(redis_server: RedisServer, said: bytes) -> None:
    with served(redis_server.url, limit_files=300, OCR_WEB_THREADS=THREADS) as server, ExitStack() as stack:
        for _ in range(600):
            sock = stack.enter_context(closing(connect(server)))
            if said:
                sock.sendall(said)
                assert sock.recv(12) == b"HTTP/1.1 200"
        for _ in range(3):
            assert requests.get(f"{server.url}/health", timeout=30).status_code == 200
        assert len(psutil.Process(server.worker_pid).net_connections()) < 300


@pytest.mark.parametrize(("soft", "hard"), [(256, 256), (64, 1000)])
def test_a_process_holds_as_many_connections_as_it_may_open_files(soft: int, hard: int) -> None:
    code = f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, ({soft}, {hard}))"
    code += (
        "; from web.connections import connection_limit; print(connection_limit(16), r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    limit, files = map(int, subprocess.check_output([sys.executable, "-c", code], cwd=ROOT).split())
    assert files == min(hard, 65_536)
    assert 32 <= limit <= min(files - 64, 10_000)


def test_a_caller_who_is_slow_to_begin_and_slow_to_go_on_is_served(server: Served) -> None:
    whole = (HEAD + f"Connection: close\r\nContent-Length: {len(form())}\r\n\r\n").encode() + form()
    with connect(server) as sock:
        for piece in (whole[:20], whole[20:200], whole[200:]):
            assert requests.get(f"{server.url}/health", timeout=20).ok  # meanwhile others are served
            sock.sendall(piece)
        assert answer(sock).startswith(b"HTTP/1.1 202 ")


def test_a_caller_who_does_not_take_the_answer_is_hung_up_on(server: Served) -> None:
    with connect(server) as sock:
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(ask * 200)  # one after the other; what is not taken fills every buffer on the way
        until(lambda: not hung_up(server), what="it has taken the caller in")
        until(lambda: hung_up(server), timeout=20, what="the facade has hung up")


def hung_up(server: Served) -> bool:
    here = psutil.Process(server.worker_pid).net_connections()
    return not [c for c in here if c.status == psutil.CONN_ESTABLISHED and c.laddr.port == server.port]
