"""How fast the page for people is, and a picture of it.

    python -m benchmarks.page [--minutes 10] [--pages 300]
    python -m benchmarks.page --picture docs/page.png

Starts its own Redis and facade, and a Chromium that must be on PATH; a worker is not needed, as the pages are put into Redis.
Times are what Chromium's main thread spends (script, style, layout). Nothing else should run.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from playwright.sync_api import Browser, Page

from tests.testlib.browser_page import chromium
from tests.testlib.facade_process import served
from tests.testlib.processes import own_redis
from tests.testlib.report_page import SIZE, report_page

_LOOKS = (0.2, 0.5, 1.0)  # shares of the minutes after which memory is looked at
_READ_AFTER = 0.4  # the share of them in which pages are read
_WORK = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")


class Readings:
    """What Chromium says of one page."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable")

    def work(self) -> float:
        """Milliseconds that the main thread has worked since the page was opened."""
        return 1000 * sum(self._metrics()[name] for name in _WORK)

    def memory(self) -> str:
        """What is in use after a collection."""
        self._session.send("HeapProfiler.collectGarbage")
        found = self._metrics()
        return f"{found['JSHeapUsedSize'] / 1e6:.2f} MB, {found['Nodes']:.0f} nodes, {found['JSEventListeners']:.0f} listeners"

    def _metrics(self) -> dict[str, float]:
        return {m["name"]: m["value"] for m in self._session.send("Performance.getMetrics")["metrics"]}


@contextmanager
def _service() -> Iterator[tuple[str, Any, Any]]:
    """An address, a client and what reads pages for it."""
    redis = own_redis()
    redis.start()
    try:
        from ocr_celery.client import Client
        from ocr_celery.settings import Settings
        from tests.testlib.worker_double import WorkerDouble

        with served(redis.url, OCR_MAX_QUEUE_SIZE=10_000) as server:
            yield server.url, Client(Settings(redis_url=redis.url, batch_size=1), service=True), WorkerDouble()
    finally:
        redis.stop()


def measure(browser: Browser, url: str, client: Any, hand: Any, *, pages: int, minutes: float) -> None:
    """Print the figures."""
    _measure_start(browser, url)
    from ocr_celery.core.document import PageSet
    from tests.testlib.opened_document import end_page, open_document

    id = open_document(client, PageSet(pages, f"1-{pages}"), "archive.pdf")
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector("#drop")
    readings = Readings(page)
    before = readings.work()
    page.goto(f"{url}/#/d/{id}")
    page.locator(".pages li").nth(pages - 1).wait_for(state="attached")
    print(f"{pages} pages: {readings.work() - before:.0f} ms to draw")
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url) if "text=false" in request.url else None)
    print(f"memory at first: {readings.memory()}")
    before, began, done = readings.work(), time.monotonic(), 0
    for share in _LOOKS:
        while (passed := (time.monotonic() - began) / (minutes * 60)) < share:
            while done < min(passed / _READ_AFTER, 1) * (pages - 1):  # one stays unread: the page goes on asking
                done += 1
                end_page(hand, id, done, report_page(1)[1], width=SIZE[0], height=SIZE[1])
            page.wait_for_timeout(500)
        print(f"memory after {share * minutes:g} minutes, {done} pages read: {readings.memory()}")
    print(f"{(readings.work() - before) / len(polls):.1f} ms for each of {len(polls)} polls")


def _measure_start(browser: Browser, url: str) -> None:
    paints, drawn = [], []
    for _ in range(5):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#drop")
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        times = ("first-contentful-paint", "drawn")
        paint, mark = (page.evaluate("name => performance.getEntriesByName(name)[0].startTime", name) for name in times)
        paints.append(cast(float, paint))
        drawn.append(cast(float, mark))
        context.close()
    from web.user_interface import static_files

    sizes = {name: len(data) / 1000 for name, data in static_files().items()}
    print(f"{sum(sizes.values()):.1f} kB of files, {sizes['word_table.js']:.1f} kB of them words")
    print(
        f"first paint after {sorted(paints)[2]:.0f} ms, the start drawn after {sorted(drawn)[2]:.0f} ms (medians of 5)"
    )


def take_picture(browser: Browser, url: str, hand: Any, file: Path) -> None:
    """Write a picture of a document that is being read: a page that the browser has sent, as one of several."""
    data, text = report_page()
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en-GB")
    figures = {"pending": 0, "processing": 0, "completed": 214, "failed": 1, "queue_limit": 100, "workers": 2}
    page.route(
        "**/stats", lambda route: route.fulfill(json={"total": 215, **figures})
    )  # no worker is needed for a picture
    page.goto(url)
    page.locator("#choose-files").set_input_files({"name": "east-pier.png", "mimeType": "image/png", "buffer": data})
    page.wait_for_selector(".document-head")
    hand.complete(page.url.rpartition("/")[2], text, width=SIZE[0], height=SIZE[1])
    page.locator(".block").nth(4).click()
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    page.screenshot(path=str(file))
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Measure, or take the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    with _service() as (url, client, hand), chromium() as browser:
        if given.picture:
            take_picture(browser, url, hand, given.picture)
        else:
            measure(browser, url, client, hand, pages=given.pages, minutes=given.minutes)


if __name__ == "__main__":
    main()
