"""One running service for the tests that only use it; `--base-url URL` points those at any deployment."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.testlib.local_service import LocalService


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="test this deployment instead of one of our own")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """`make run` with the CPU engine, allowed to fetch from this machine."""
    with LocalService(
        tmp_path_factory.mktemp("ocr"),
        OCR_URL_ALLOW="127.0.0.1",
        OCR_ENGINE="rapidocr",
        OCR_RAPID_RUNTIME="onnxruntime",
    ) as running:
        yield running


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> str:
    given: str | None = request.config.getoption("--base-url")
    return given.rstrip("/") if given else request.getfixturevalue("service").url


@pytest.fixture
def files(tmp_path: Path) -> Iterator[str]:
    """The URL of a server on this machine that serves the test's `tmp_path`."""
    handler = partial(_Quiet, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass
