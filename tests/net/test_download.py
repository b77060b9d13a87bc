import gzip
import logging
import socket
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
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
from ocr_celery.fetch.download import Downloader
from ocr_celery.fetch.inflate import Inflater

PAGE = b"\x89PNG and so on" * 100
#: places that a redirect may name; \udcff is the byte 0xff
MALFORMED = [
    "http://[",
    "//[",
    "http://[::1",
    "http://[fe80::1%25eth0]/",
    "http://S3CRETUSER:S3CRETPW@a\u2100b/",
    "http://a\u2100b/S3CRETPATH",
    "//S3CRETUSER:S3CRETPW@127.0.0.1/",
    "http://127.0.0.1:99999/S3CRETPATH",
    "http://127.0.0.1:-1/S3CRETPATH",
    "http://127.0.0.1:S3CRET/",
    "http://127.0.0.1:0/S3CRETPATH",
    "https:///S3CRETPATH",
    "http://" + 64 * "a" + "/S3CRETPATH",
    "http://" + 300 * "a." + "/S3CRETPATH",
    "http://\udcff/S3CRETPATH",
    "http://127.0.0.1/" + 9000 * "S3CRET",
    "http://127.0.0.1/S3CRET PATH",
]


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

    def compressed(self) -> None:
        """``/compressed/gzip?4``: all of it but the last 4 bytes."""
        self.answer(sent(self.path.rpartition("/")[2]), Content_Encoding=coding(self.path))

    def odd_coding(self) -> None:
        self.answer(Content_Encoding=unquote(self.path.partition("?")[2]))

    def interim(self) -> None:
        """``/interim/103/2``: that many answers of that status, then the page."""
        _, _, status, times = self.path.split("/")
        for _ in range(int(times)):
            self.wfile.write(f"HTTP/1.1 {status} Wait\r\nLink: </style.css>; rel=preload\r\n\r\n".encode())
        self.answer()

    def part(self) -> None:
        self.answer(PAGE[:10], 206, Content_Range=f"bytes 0-9/{len(PAGE)}")

    def chunk(self) -> None:
        """``/chunk?SIZE``: one whose size is announced so, and the end."""
        size = unquote(self.path.partition("?")[2]).encode()
        self.head(Transfer_Encoding="chunked")
        self.wfile.write(b"%s\r\n%s\r\n0\r\n\r\n" % (size, PAGE))

    def length(self) -> None:
        """``/length?LENGTH``: the page, of which that is said to be the length."""
        self.answer(Content_Length=unquote(self.path.partition("?")[2]), Connection="close")

    def odd_transfer(self) -> None:
        self.head(Transfer_Encoding="gzip, chunked", Connection="close")
        self.wfile.write(PAGE)

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

    def malformed(self) -> None:
        """``/malformed/3``: to that one of MALFORMED, whose bytes are sent as they are."""
        location = MALFORMED[int(self.path.rpartition("/")[2])].encode("utf-8", "surrogateescape")
        self.wfile.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")

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


def coding(path: str) -> str:
    return path.partition("?")[0].rpartition("/")[2].split("-")[0]


def sent(how: str) -> bytes:
    """The page, compressed as it says: ``gzip-twice?cut``."""
    name, _, cut = how.partition("?")
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = {
        "gzip": gzip.compress(PAGE),
        "gzip-padded": gzip.compress(PAGE) + bytes(10),
        "gzip-twice": gzip.compress(PAGE[:700]) + gzip.compress(PAGE[700:]),
        "deflate": zlib.compress(PAGE),
        "deflate-raw": raw.compress(PAGE) + raw.flush(),
    }[name]
    return body[: len(body) - int(cut or 0)]


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


def test_the_request_names_its_client_and_host(server: Server, fetch: Fetch) -> None:
    fetch("/ok")
    (_, headers), *_ = server.seen
    assert headers["User-Agent"] == f"ocr-celery/{__version__}"
    assert headers["Host"] == server.url.removeprefix("http://")
    assert not {"Cookie", "Authorization"} & set(headers)


def test_a_host_that_was_located_is_asked_by_its_name(server: Server) -> None:
    url = server.url.replace("127.0.0.1", "localhost") + "/ok"
    downloader = Downloader(10, 100_000, max_redirects=3, allow=["127.0.0.1", "::1"])
    assert downloader.fetch(url, ip_address("127.0.0.1")) == PAGE
    assert server.seen[0][1]["Host"] == f"localhost:{server.server_port}"


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


@pytest.mark.parametrize("number", range(len(MALFORMED)))
def test_a_redirect_to_a_malformed_address_is_a_bad_url_that_tells_no_secret(
    fetch: Fetch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(BadUrl, match=r"^127\.0\.0\.1 redirects to ") as caught:
        fetch(f"/malformed/{number}")
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "S3CRET" not in told


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


@pytest.mark.parametrize("length", [65_536, 65_537, 131_072, 200_000])
def test_a_whole_body_of_raw_deflate_is_whole_whatever_its_length(length: int) -> None:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    inflater = Inflater("deflate")
    found = b"".join(inflater.feed(raw.compress(bytes(length)) + raw.flush()))
    inflater.close()
    assert found == bytes(length)


COMPRESSED = ["gzip", "gzip-padded", "gzip-twice", "deflate", "deflate-raw"]


@pytest.mark.parametrize("how", COMPRESSED)
def test_a_compressed_body_is_decompressed_although_it_was_not_asked_for(fetch: Fetch, how: str) -> None:
    assert fetch(f"/compressed/{how}") == PAGE


@pytest.mark.parametrize("how", ["gzip", "gzip-twice", "deflate", "deflate-raw"])
@pytest.mark.parametrize("missing", [1, 4, 8, 12, 15])
def test_a_compressed_body_that_is_cut_off_may_be_tried_again(fetch: Fetch, how: str, missing: int) -> None:
    with pytest.raises(DownloadFailed, match="compression is damaged or truncated"):
        fetch(f"/compressed/{how}?{missing}")


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "no-such-coding"])
def test_an_encoding_that_is_not_understood_is_an_error_of_the_source(fetch: Fetch, coding: str) -> None:
    with pytest.raises(SourceRefused, match="encoding"):
        fetch(f"/odd_coding?{quote(coding)}")


@pytest.mark.parametrize("status", [100, 102, 103, 110, 199])
@pytest.mark.parametrize("times", [1, 5])
def test_interim_answers_are_read_past(fetch: Fetch, status: int, times: int) -> None:
    assert fetch(f"/interim/{status}/{times}") == PAGE


def test_there_is_a_most_of_interim_answers(fetch: Fetch) -> None:
    with pytest.raises(DownloadFailed):
        fetch("/interim/103/1000")


def test_an_unrequested_switch_of_protocol_is_refused(fetch: Fetch) -> None:
    with pytest.raises(SourceRefused, match="101"):
        fetch("/interim/101/1")


def test_a_part_of_a_file_is_not_taken_for_the_file(fetch: Fetch) -> None:
    with pytest.raises(SourceRefused, match="206"):
        fetch("/part")


@pytest.mark.parametrize("size", [f"{len(PAGE):x}", f"{len(PAGE):X} ", f"000{len(PAGE):x};name=value"])
def test_the_size_of_a_chunk_may_be_written_in_several_ways(fetch: Fetch, size: str) -> None:
    assert fetch(f"/chunk?{quote(size)}") == PAGE


@pytest.mark.parametrize("size", ["-5", "-1", "", "5_0", "+5", "0x5", "five", "f" * 17, ";", "5 5"])
def test_what_is_no_size_of_a_chunk_is_an_error_of_the_source(fetch: Fetch, size: str) -> None:
    with pytest.raises(DownloadFailed):
        fetch(f"/chunk?{quote(size)}")


@pytest.mark.parametrize("length", ["-5", "5_0", "+5", "five", "0x5", "10, 20", ""])
def test_what_is_no_length_is_an_error_of_the_source(fetch: Fetch, length: str) -> None:
    with pytest.raises(DownloadFailed):
        fetch(f"/length?{quote(length)}")


def test_a_length_that_is_given_twice_is_one(fetch: Fetch) -> None:
    assert fetch(f"/length?{len(PAGE)}%2C%20{len(PAGE)}") == PAGE


def test_a_transfer_encoding_that_is_not_understood_is_an_error_of_the_source(fetch: Fetch) -> None:
    with pytest.raises(DownloadFailed):
        fetch("/odd_transfer")


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


@pytest.mark.parametrize("path", ["/endless_body", "/announces_much", "/gzip_bomb", "/to?/endless_body"])
def test_no_more_is_read_than_allowed(fetch: Fetch, path: str) -> None:
    with pytest.raises(FileTooLarge):
        fetch(path, max_bytes=10_000)


def test_the_first_bytes_of_a_file_say_how_much_of_it_is_read(server: Server) -> None:
    seen: list[bytes] = []

    def limit(start: bytes) -> int:
        seen.append(start)
        return 5000

    fetch = Downloader(10, 100_000, max_redirects=3, allow=["127.0.0.1"], limit=limit).fetch
    for path in ("/endless_body", "/gzip_bomb"):
        with pytest.raises(FileTooLarge, match=r"0\.00476837 MB"):
            fetch(server.url + path)
    assert [len(start) for start in seen] == [1024, 1024]


def test_a_file_of_exactly_the_allowed_size_is_fetched(fetch: Fetch) -> None:
    assert fetch("/ok", max_bytes=len(PAGE)) == PAGE
    with pytest.raises(FileTooLarge):
        fetch("/ok", max_bytes=len(PAGE) - 1)


@pytest.mark.parametrize(
    "path", ["/announces_more", "/hangs_up", "/no_http", "/gzip_broken", "/endless_chunk_mark", "/endless_header"]
)
def test_a_broken_answer_is_a_failed_download(fetch: Fetch, path: str) -> None:
    with pytest.raises(DownloadFailed):
        fetch(path)


def test_of_a_body_longer_than_announced_only_that_much_is_read(fetch: Fetch) -> None:
    assert fetch("/announces_less") == PAGE[:10]


def test_a_refused_connection_is_a_failed_download() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening
        with pytest.raises(DownloadFailed, match=r"^Could not connect to 127\.0\.0\.1, or the connection was lost\.$"):
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
