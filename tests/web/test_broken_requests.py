"""What is no proper HTTP is refused in the one shape of all errors, with nothing of it repeated, and logged as one line."""

import json
import socket
import sys
from collections.abc import Iterator

import pytest

from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer
from web.headers import SECURITY_HEADERS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="as the other tests with gunicorn")

FORM = b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
JSON = b"POST /ocr/url HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Served]:
    redis_server.empty()
    with served(redis_server.url) as server:
        yield server
        assert "Traceback" not in server.log
        assert "unexpected_error" not in server.log
        assert "SECRET" not in server.log


def ask(server: Served, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their names in small letters, and body."""
    data = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(65536):
            data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"SECRET\r\n\r\n", 400, "malformed_request"),
        (b"GET /<SECRET> HTTP/9.9\r\n\r\n", 400, "malformed_request"),
        (b"G<SECRET>T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nSECRET\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n SECRET\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: SECRET\r\n\r\n", 400, "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03SECRET\r\n\r\n", 400, "malformed_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed_request"),
        (b"GET /" + b"SECRET" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"SECRET" * 2000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: SECRET\r\n" * 200 + b"\r\n", 431, "headers_too_large"),
        (b"POST /ocr HTTP/1.1\r\nHost: x\r\nExpect: SECRET\r\nContent-Length: 1\r\n\r\nx", 417, "expectation_failed"),
        (b"POST /ocr HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: SECRET\r\n\r\n", 501, "unsupported_transfer_coding"),
    ],
)
def test_what_the_server_refuses_by_itself_is_said_as_every_error_is(
    server: Served, request_: bytes, status: int, code: str
) -> None:
    answered, headers, body = ask(server, request_)
    assert answered == status
    assert json.loads(body)["code"] == code
    assert set(json.loads(body)) == {"detail", "code"}
    assert b"SECRET" not in body
    assert headers["content-type"] == "application/json"
    assert len(headers["x-request-id"]) == 32
    assert set(SECURITY_HEADERS) <= {(name, headers.get(name.lower())) for name, _ in SECURITY_HEADERS}


@pytest.mark.parametrize("head", [FORM, JSON])
@pytest.mark.parametrize(
    "chunks",
    [
        b"SECRET\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"5;SECRET\x00\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloSECRET\r\n0\r\n\r\n",
        b"5\r\nhel",
        b"5\r\nhello\r\n0\r\nSECRET\r\n\r\n",
        b"5\r\nhello\r\n0\r\nbad header: x\r\n\r\n",
        b"fffffffffffffffff\r\nhello",
        b"9" * 9000,
    ],
)
def test_a_broken_chunked_body_is_400(server: Served, head: bytes, chunks: bytes) -> None:
    status, _, body = ask(server, head + chunks)
    assert (status, json.loads(body)["code"]) == (400, "malformed_request")
    assert b"SECRET" not in body


def test_a_body_that_breaks_off_is_400(server: Served) -> None:
    head = FORM.replace(b"Transfer-Encoding: chunked", b"Content-Length: 1000")
    status, _, body = ask(server, head + b"--b\r\n")
    assert (status, json.loads(body)) == (
        400,
        {"detail": "The body is shorter than its Content-Length.", "code": "malformed_request"},
    )


def test_no_header_of_a_caller_shifts_the_path(server: Served) -> None:
    headers = b"SCRIPT_NAME: /pub\r\nX-Forwarded-Prefix: /pub\r\nX-Forwarded-Proto: https\r\n"
    status, _, body = ask(server, b"GET /pub/stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
    assert (status, json.loads(body)["code"]) == (404, "not_found")
    status, _, body = ask(server, b"GET /docs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n")
    assert b"/pub" not in body


def test_no_answer_names_the_version_of_the_server(server: Served) -> None:
    _, headers, _ = ask(server, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert headers["server"] == "ocr-celery"
