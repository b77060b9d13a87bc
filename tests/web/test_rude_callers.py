"""Callers who send too much or never hang up are answered, cost no memory, and hold up nobody else."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer, png

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

LIMIT = 1024 * 1024  #: bytes of a file
GROWTH = 12 * 1024 * 1024  #: bytes; a body up to the limit may be held some times over
FORM = "POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
START = b'--b\r\nContent-Disposition: form-data; name="file"; filename="page.png"\r\n\r\n'
BLOCK = b"x" * 65536


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Served]:
    """A facade that takes files of 1 MB."""
    redis_server.empty()
    with served(redis_server.url, OCR_MAX_IMAGE_SIZE_MB=1, OCR_MAX_DOCUMENT_MB=1) as server:
        form = {"file": ("page.png", png() + bytes(LIMIT - 500))}
        assert requests.post(server.url + "/ocr", files=form, timeout=20).status_code == 202
        yield server


@pytest.fixture(autouse=True)
def _memory_is_flat(server: Served) -> Iterator[None]:
    before = peak(server)
    yield
    assert peak(server) - before < GROWTH
    assert requests.get(server.url + "/stats", timeout=20).status_code == 200


def peak(server: Served) -> int:
    """The most memory the answering process ever had, in bytes."""
    lines = Path(f"/proc/{server.worker_pid}/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(found.split()[1]) * 1024


def send(server: Served, head: str, blocks: Iterator[bytes]) -> tuple[str, int]:
    """Send blocks until the facade has had enough. Answers its answer and how much was sent."""
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(head.encode())
        try:
            for block in blocks:
                sock.sendall(block)
                sent += len(block)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read(sock), sent


def read(sock: socket.socket) -> str:
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data.decode()


def endless() -> Iterator[bytes]:
    yield START
    while True:
        yield BLOCK


def chunks() -> Iterator[bytes]:
    for block in endless():
        yield f"{len(block):x}\r\n".encode() + block + b"\r\n"


def refused(answer: str, code: str) -> bool:
    return answer.startswith("HTTP/1.1 413 ") and f'"code":"{code}"' in answer


def test_1_gb_that_was_announced_is_refused_by_its_announcement(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(f"{FORM}Content-Length: {1024**3}\r\n\r\n".encode())
        assert refused(read(sock), "file_too_large")  # not a byte of it was sent


def test_whoever_goes_on_sending_1_gb_sees_the_refusal_and_is_cut_off(server: Served) -> None:
    answer, sent = send(server, f"{FORM}Content-Length: {1024**3}\r\n\r\n", endless())
    assert refused(answer, "file_too_large") or answer == ""  # the kernel may drop what a cut-off sender did not read
    assert sent < 512 * 1024**2


def test_an_endless_body_of_no_announced_length_is_refused_and_cut_off(server: Served) -> None:
    answer, sent = send(server, f"{FORM}Transfer-Encoding: chunked\r\n\r\n", chunks())
    assert refused(answer, "file_too_large") or answer == ""
    assert sent < 512 * 1024**2


def test_a_caller_who_sends_all_of_30_mb_sees_the_refusal(server: Served) -> None:
    answer = requests.post(server.url + "/ocr", files={"file": ("page.png", bytes(30 * 1024**2))}, timeout=20)
    assert answer.status_code == 413
    assert answer.json()["code"] == "file_too_large"


@pytest.mark.parametrize("path", ["/ocr/url", "/ocr/url/batch"])
def test_a_json_body_of_30_mb_is_refused(server: Served, path: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(server.url + path, data=bytes(30 * 1024**2), headers=headers, timeout=20)
    assert answer.status_code == 413
    assert answer.json()["code"] == "request_too_large"


@contextmanager
def held_open(server: Served, request: bytes, count: int = 8) -> Iterator[list[socket.socket]]:
    """Callers who send this and do not hang up."""
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        callers = [stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(count)]
        for caller in callers:
            caller.sendall(request)
        yield callers


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"{FORM}Content-Length: {1024**3}\r\n\r\n".encode() + START + BLOCK, b"413"),
        (b"GET / HTTP/1.0\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"200"),
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n", b"404"),
    ],
    ids=["too much", "1.0", "close", "half a body"],
)
def test_callers_who_do_not_hang_up_hold_up_nobody(server: Served, request_: bytes, status: bytes) -> None:
    with held_open(server, request_) as callers:
        assert [caller.recv(12)[-3:] for caller in callers] == [status] * len(callers)
        # who waits for each of them to hang up waits for 16 s
        for _ in range(2):
            assert requests.get(server.url + "/health", timeout=5).status_code == 200


def test_an_answer_is_whole_although_its_caller_goes_on_sending(server: Served) -> None:
    body = bytes(50_000)
    head = f"POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(20):
        answer, _ = send(server, head, iter([body]))
        assert answer.startswith("HTTP/1.1 404 ")
        assert answer.endswith('"code":"not_found"}\n')
