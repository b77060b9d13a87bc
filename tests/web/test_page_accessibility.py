"""Every view of the page for people, as axe checks it: both languages, light and dark, wide and on a phone."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from ocr_celery.client import Client
from ocr_celery.core.document import PageSet
from ocr_celery.errors import PageDeadline
from ocr_celery.settings import Settings
from tests.testlib.browser_page import CHROMIUM, PATIENCE, chromium
from tests.testlib.facade_process import Served, served
from tests.testlib.opened_document import end_page, open_document
from tests.testlib.processes import RedisServer
from tests.testlib.report_page import SIZE, report_page
from tests.testlib.worker_double import WorkerDouble

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = files("axe_playwright_python").joinpath("axe.min.js")


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Served]:
    with served(redis_server.url) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def document(redis: RedisServer) -> Iterator[str]:
    """A document of which a page failed, one is doubtful, and one waits."""
    client, worker = Client(Settings(redis_url=redis.url, batch_size=1), service=True), WorkerDouble()
    id = open_document(client, PageSet(4, "1-4"))
    size = {"width": SIZE[0], "height": SIZE[1]}
    end_page(worker, id, 1, report_page(1)[1], verdict="repeating", **size)
    end_page(worker, id, 2, PageDeadline())
    end_page(worker, id, 3, report_page(3)[1], **size)
    yield id
    client.redis.close()


def findings(page: Page) -> list[str]:
    """What axe finds, with where."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)
    return [f"{v['id']}: {node['target']} {node['failureSummary']}" for v in found["violations"] for node in v["nodes"]]


# each colour and each width with each language once
@pytest.mark.parametrize(
    ("language", "theme", "wide"),
    [("en-GB", "light", True), ("zh-CN", "dark", True), ("zh-CN", "light", False), ("en-GB", "dark", False)],
)
def test_axe_finds_nothing_in_any_view(
    server: Served, browser: Browser, document: str, *, language: str, theme: str, wide: bool
) -> None:
    viewport = {"width": 1440, "height": 900} if wide else {"width": 390, "height": 844}
    context = browser.new_context(
        bypass_csp=True, locale=language, color_scheme=theme, viewport=viewport, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    found: dict[str, list[str]] = {}

    def look(view: str) -> None:
        found[view] = findings(page)

    page.goto(f"{server.url}/#/d/{document}/1")
    page.locator(".block").first.click()
    look("doubtful")
    page.goto(f"{server.url}/#/d/{document}/2")
    page.locator(".notice.bad").wait_for()
    look("failed")
    page.goto(f"{server.url}/#/d/{document}/4")
    page.locator(".text-panel .calm").wait_for()
    look("waiting")
    page.keyboard.press("?")
    look("keys")
    page.keyboard.press("Escape")
    page.goto(f"{server.url}/#/d/no-such-id")
    page.locator(".notice.doubt").wait_for()
    look("gone")
    page.goto(f"{server.url}/#/")
    page.locator(".recent .work a").first.wait_for()
    page.locator("details").click()
    page.locator("[aria-controls=addresses]").click()
    look("start")
    context.close()
    assert {view: what for view, what in found.items() if what} == {}
