"""/docs in a real browser: the calls can be read and tried, and nothing is asked of any other host."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from ocr_celery.core.options import Options
from tests.testlib.browser_page import CHROMIUM, PATIENCE, chromium
from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer, png
from tests.testlib.reverse_proxy import reverse_proxy
from tests.testlib.service_calls import CALLS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")


class Seen:
    """What a page did."""

    def __init__(self, page: Page) -> None:
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self.failed: list[str] = []
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("requestfailed", lambda request: self.failed.append(request.url))
        page.on("response", lambda answer: self.failed.append(answer.url) if answer.status >= 400 else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type in ("error", "warning") else None)


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Served]:
    with served(redis_server.url) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


def test_docs_shows_every_call_and_asks_no_other_host(server: Served, page: Page) -> None:
    seen = Seen(page)
    page.goto(server.url + "/docs")
    page.wait_for_selector(".opblock")
    page.wait_for_load_state("networkidle")
    shown = page.locator(".opblock").all()
    calls = [
        " ".join(block.locator(f".opblock-summary-{x}").inner_text() for x in ("method", "path")) for block in shown
    ]
    assert sorted(call.replace("\u200b", "") for call in calls) == sorted(CALLS)
    assert seen.hosts == {f"127.0.0.1:{server.port}"}
    assert seen.errors == []
    assert seen.failed == []


def test_a_file_can_be_sent_there_and_nothing_is_filled_in_that_nobody_wrote(
    server: Served, page: Page, redis: RedisServer, tmp_path: Path
) -> None:
    seen = Seen(page)
    picture = tmp_path / "page.png"
    picture.write_bytes(png())
    page.goto(server.url + "/docs")
    block = page.locator("#operations-Read-submitFile")
    block.locator(".opblock-summary-control").click()
    example = block.locator(".opblock-body").get_by_text("<image>\\n<|grounding|>Convert the document to markdown.")
    example.first.wait_for()  # Swagger UI draws it when the block has opened
    block.locator(".try-out__btn").click()
    block.locator("input[type=file]").set_input_files(picture)
    block.locator(".execute").click()
    status = block.locator(".live-responses-table .response-col_status").last
    status.wait_for()
    assert status.inner_text().startswith("202")
    (message,) = redis.client.lrange("ocr", 0, -1)
    _, options, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
    defaults = {**Options().as_dict(), "page_range": "", "text_layer": "fallback", "cache": True}
    assert {**defaults, **options} == defaults
    assert seen.hosts == {f"127.0.0.1:{server.port}"}
    assert seen.errors == []


def test_docs_can_be_read_and_tried_below_a_path_of_a_proxy(redis: RedisServer, page: Page) -> None:
    seen = Seen(page)
    with served(redis.url, OCR_TRUSTED_PROXIES="127.0.0.1") as server, reverse_proxy(server.url, "/ocr-service") as url:
        page.goto(url + "/ocr-service/docs/swagger")
        block = page.locator("#operations-Read-submitUrl")
        block.locator(".opblock-summary-control").click()
        block.locator(".try-out__btn").click()
        block.locator(".execute").click()
        status = block.locator(".live-responses-table .response-col_status").last
        status.wait_for()
        assert status.inner_text().startswith("202")
        assert "location: /ocr-service/ocr/" in block.locator(".live-responses-table").last.inner_text()
    assert redis.client.llen("ocr") == 1
    assert seen.hosts == {urlsplit(url).netloc}
    assert (seen.errors, seen.failed) == ([], [])
