"""The page for people against the whole service: a document is dropped, read by the CPU engine, and taken along."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.testlib.browser_page import CHROMIUM, WatchedPage, chromium
from tests.testlib.text_page import page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")
PATIENCE = 90_000  #: ms for what takes a few seconds


def two_pages() -> str:
    """A PDF, as base64."""
    pages = [Image.open(io.BytesIO(page(text))) for text in ("First of two", "Second of two")]
    file = io.BytesIO()
    pages[0].save(file, "PDF", save_all=True, append_images=pages[1:])
    return base64.b64encode(file.getvalue()).decode()


def test_a_dropped_document_is_read_page_by_page_and_saved(base_url: str, tmp_path: Path) -> None:
    with chromium() as browser:
        watched = WatchedPage(browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900}))
        shown = watched.page
        shown.goto(base_url)
        files = shown.evaluate_handle(
            """(data) => { const files = new DataTransfer(); const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            files.items.add(new File([bytes], "two.pdf", { type: "application/pdf" })); return files; }""",
            two_pages(),
        )
        shown.dispatch_event("#drop", "drop", {"dataTransfer": files})
        expect(shown.locator(".facts")).to_contain_text("2 of 2 read", timeout=PATIENCE)
        shown.get_by_role("link", name="Page 1").click()  # pages are read side by side: either may have been the first
        expect(shown.locator(".block").first).to_have_text("First of two", timeout=PATIENCE)
        shown.locator(".block").first.hover()
        expect(shown.locator(".box.lit")).to_have_count(1)
        shown.keyboard.press("]")
        expect(shown.locator(".block").first).to_have_text("Second of two", timeout=PATIENCE)
        shown.get_by_role("button", name="Download").click()
        with shown.expect_download() as saved:
            shown.get_by_role("link", name="Plain text").click()
        assert saved.value.suggested_filename == "two.txt"
        saved.value.save_as(tmp_path / "two.txt")
        assert "First of two" in (tmp_path / "two.txt").read_text()
        watched.end()
