import gzip
import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

import pytest

from ocr_celery import __version__
from ocr_celery.errors import (
    AddressRefused,
    BadUrl,
    DownloadFailed,
    DownloadTimeout,
    EmptyFile,
    FileTooLarge,
    OcrError,
    SourceRefused,
    TooManyRedirects,
)
from ocr_celery.prepare.download import Downloader

PAGE = b"\x89PNG and so on" * 100


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.over = threading.Event()
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is what many of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        getattr(self, self.path.strip("/").partition("?")[0].partition("/")[0])()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, body: bytes = PAGE, status: int = 200, **headers: Any) -> None:
        self.head(status, **{"Content-Length": len(body), **headers})
        self.wfile.write(body)

    def head(self, status: int = 200, **headers: Any) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def drip(self, piece: bytes) -> None:
        while not self.server.over.wait(0.02):
            self.wfile.write(piece)

    def ok(self) -> None:
        self.answer()

    def status(self) -> None:
        self.answer(status=int(self.path.rpartition("/")[2].partition("?")[0]))

    def patience(self) -> None:
        self.answer(status=503, Retry_After=unquote(self.path.rpartition("?")[2]))

    def empty(self) -> None:
        self.answer(b"")

    def nothing(self) -> None:
        self.head(204)

    def chunked(self) -> None:
        self.head(Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE))

    def until_closed(self) -> None:
        self.head(Connection="close")
        self.wfile.write(PAGE)

    def gzipped(self) -> None:
        self.answer(gzip.compress(PAGE), Content_Encoding="gzip")

    def gzip_bomb(self) -> None:
        self.answer(gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")

    def gzip_broken(self) -> None:
        self.answer(b"no gzip at all", Content_Encoding="gzip")

    def chain(self) -> None:
        left = int(self.path.rpartition("/")[2])
        self.answer(b"", 302, Location=f"/chain/{left - 1}" if left else "/ok")

    def loop(self) -> None:
        self.answer(b"", 307, Location="/loop")

    def nowhere(self) -> None:
        self.answer(b"", 302)

    def to(self) -> None:
        self.answer(b"moved", 302, Location=unquote(self.path.partition("?")[2]))

    def endless_redirect(self) -> None:
        self.head(302, Location="/ok")
        self.drip(bytes(100_000))

    def slow_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.drip(b"X-Header: a\r\n")

    def slow_hints(self) -> None:
        self.drip(b"HTTP/1.1 100 Continue\r\n\r\n")

    def silence(self) -> None:
        self.server.over.wait(10)

    def slow_body(self) -> None:
        self.head(Connection="close")
        self.drip(b".")

    def endless_body(self) -> None:
        self.head(Connection="close")
        while not self.server.over.is_set():
            self.wfile.write(bytes(100_000))

    def endless_header(self) -> None:
        while not self.server.over.is_set():
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    def endless_chunk_mark(self) -> None:
        self.head(Transfer_Encoding="chunked")
        while not self.server.over.is_set():
            self.wfile.write(b"0" * 100_000)

    def announces_much(self) -> None:
        self.head(Content_Length=10**12)
        self.server.over.wait(10)

    def announces_more(self) -> None:
        self.head(Content_Length=len(PAGE) + 1, Connection="close")
        self.wfile.write(PAGE)

    def announces_less(self) -> None:
        self.head(Content_Length=10, Connection="close")
        self.wfile.write(PAGE)

    def hangs_up(self) -> None:
        self.close_connection = True

    def no_http(self) -> None:
        self.close_connection = True
        self.wfile.write(b"220 mail.example.com ESMTP\r\n")

    def bad_header(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n: none\r\nbad line\r\n\r\nok")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


Fetch = Callable[..., bytes]


@pytest.fixture
def fetch(server: Server) -> Fetch:
    def fetch(path: str, *, timeout: float = 10, max_bytes: int = 100_000, allow: str = "127.0.0.1") -> bytes:
        return Downloader(timeout, max_bytes, max_redirects=3, allow=[allow]).fetch(server.url + path)

    return fetch


@pytest.mark.parametrize("path", ["/ok", "/chunked", "/until_closed", "/gzipped", "/ok?a=b#c", "/to?/ok"])
def test_a_file_is_fetched_however_it_is_sent(fetch: Fetch, path: str) -> None:
    assert fetch(path) == PAGE


def test_the_request_says_who_asks_and_for_which_host(server: Server, fetch: Fetch) -> None:
    fetch("/ok")
    (_, headers), *_ = server.seen
    assert headers["User-Agent"] == f"ocr-celery/{__version__}"
    assert headers["Host"] == server.url.removeprefix("http://")
    assert not {"Cookie", "Authorization"} & set(headers)


def test_proxies_and_passwords_of_the_environment_are_not_used(
    fetch: Fetch, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, server: Server
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetch("/ok") == PAGE
    assert "Authorization" not in server.seen[0][1]


def test_redirects_are_followed_to_the_limit_and_no_further(fetch: Fetch) -> None:
    assert fetch("/chain/2") == PAGE
    with pytest.raises(TooManyRedirects):
        fetch("/chain/3")


def test_a_redirect_loop_ends(fetch: Fetch) -> None:
    with pytest.raises(TooManyRedirects):
        fetch("/loop")


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:1/", "http://169.254.169.254/latest/", "http://[::1]/", "http://2130706434/", "//10.0.0.1/"],
)
def test_a_redirect_into_a_refused_range_is_refused(fetch: Fetch, target: str) -> None:
    with pytest.raises(AddressRefused):
        fetch(f"/to?{target}")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/", "data:,"])
def test_a_redirect_to_what_is_no_web_address_is_refused(fetch: Fetch, target: str) -> None:
    with pytest.raises(BadUrl):
        fetch(f"/to?{target}")


def test_the_body_of_a_redirect_is_not_read(fetch: Fetch) -> None:
    assert fetch("/endless_redirect") == PAGE


def test_a_redirect_that_names_no_place_is_an_error_of_the_source(fetch: Fetch) -> None:
    with pytest.raises(SourceRefused, match="302"):
        fetch("/nowhere")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_refusal_by_the_source_is_final_and_says_its_status(fetch: Fetch, status: int) -> None:
    with pytest.raises(SourceRefused, match=rf"^127\.0\.0\.1 answered with status {status}\.$") as caught:
        fetch(f"/status/{status}?token=abc")
    assert not caught.value.retryable


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_of_the_source_may_be_tried_again(fetch: Fetch, status: int) -> None:
    with pytest.raises(DownloadFailed, match=str(status)) as caught:
        fetch(f"/status/{status}")
    assert caught.value.retryable


@pytest.mark.parametrize(("asked", "least", "most"), [("7", 7, 7), ("", 0, 0), ("soon", 0, 0), ("-7", 0, 0)])
def test_a_source_says_how_long_to_wait(fetch: Fetch, asked: str, least: int, most: int) -> None:
    with pytest.raises(DownloadFailed) as caught:
        fetch(f"/patience?{asked}")
    assert least <= caught.value.retry_after <= most


def test_a_source_may_say_it_as_a_date(fetch: Fetch) -> None:
    with pytest.raises(DownloadFailed) as caught:
        fetch(f"/patience?{quote(formatdate(time.time() + 60, usegmt=True))}")
    assert 50 < caught.value.retry_after <= 60


@pytest.mark.parametrize("path", ["/empty", "/nothing"])
def test_no_body_is_an_empty_file(fetch: Fetch, path: str) -> None:
    with pytest.raises(EmptyFile):
        fetch(path)


@pytest.mark.parametrize("path", ["/silence", "/slow_headers", "/slow_hints", "/slow_body"])
def test_a_slow_source_is_left_at_the_deadline(fetch: Fetch, path: str) -> None:
    start = time.monotonic()
    with pytest.raises(DownloadTimeout):
        fetch(path, timeout=0.3)
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    "path", ["/endless_body", "/announces_much", "/gzip_bomb", "/endless_header", "/to?/endless_body"]
)
def test_no_more_is_read_than_allowed(fetch: Fetch, path: str) -> None:
    with pytest.raises(FileTooLarge):
        fetch(path, max_bytes=10_000)


def test_a_file_of_exactly_the_allowed_size_is_fetched(fetch: Fetch) -> None:
    assert fetch("/ok", max_bytes=len(PAGE)) == PAGE
    with pytest.raises(FileTooLarge):
        fetch("/ok", max_bytes=len(PAGE) - 1)


@pytest.mark.parametrize("path", ["/announces_more", "/hangs_up", "/no_http", "/gzip_broken", "/endless_chunk_mark"])
def test_a_broken_answer_is_a_failed_download(fetch: Fetch, path: str) -> None:
    with pytest.raises(DownloadFailed):
        fetch(path)


def test_of_a_body_longer_than_announced_only_that_much_is_read(fetch: Fetch) -> None:
    assert fetch("/announces_less") == PAGE[:10]


def test_a_refused_connection_is_a_failed_download() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, yet nobody listens
        with pytest.raises(DownloadFailed, match=r"^The connection to 127\.0\.0\.1 could not be made or broke off\.$"):
            Downloader(5, 1000, 3, ["127.0.0.1"]).fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/?token=abc")


def test_a_host_that_is_not_allowed_is_not_even_connected_to(server: Server, fetch: Fetch) -> None:
    with pytest.raises(AddressRefused):
        fetch("/ok", allow="127.0.0.2")
    assert server.seen == []


def test_a_server_without_tls_is_a_failed_download(server: Server) -> None:
    with pytest.raises(DownloadFailed, match="TLS"):
        Downloader(5, 1000, 3, ["127.0.0.1"]).fetch(server.url.replace("http:", "https:") + "/ok")


@pytest.mark.parametrize(
    "path", ["/ok", "/bad_header", "/status/404", "/to?http://10.0.0.1/", "/hangs_up", "/endless_body"]
)
def test_neither_a_message_nor_a_log_line_tells_the_query(
    fetch: Fetch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    mark = "&" if "?" in path else "?"
    with caplog.at_level(logging.DEBUG):
        told = "".join(traceback.format_exception(refusal(fetch, f"{path}{mark}token=abc")))
    assert "abc" not in told + caplog.text


def refusal(fetch: Fetch, path: str) -> OcrError | None:
    try:
        fetch(path)
    except OcrError as error:
        return error
    return None


def test_many_threads_share_one_downloader(server: Server) -> None:
    downloader = Downloader(10, 100_000, 3, ["127.0.0.0/8"])
    got: list[bytes] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(downloader.fetch(f"{server.url}/chain/{n % 3}")))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == [PAGE] * 12


def test_every_connection_is_closed(server: Server, fetch: Fetch) -> None:
    before = threading.active_count()
    for path in ("/ok", "/chain/2", "/status/404", "/announces_much", "/until_closed"):
        refusal(fetch, path)
    server.over.set()
    limit = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < limit:  # a handler ends when its client is gone
        threading.Event().wait(0.005)
    assert threading.active_count() <= before
