"""Draws the picture of a result as HTML in docs/results.md, from a page that is written here: `python docs/pictures.py`.

Needs Chromium and playwright, which the tests have. No Chinese: a machine without its fonts draws boxes.
"""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from ocr_celery.core.grounding import Block, render_blocks
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.export.html import HtmlDocument

TARGET = Path(__file__).parent / "result-html.png"
_TABLE = (
    r"<table><tr><th rowspan=2>Item</th><th colspan=2>Sales</th></tr><tr><th>2023</th><th>2024</th></tr>"
    r"<tr><td>Paper</td><td>7</td><td>\(x^2\)</td></tr><tr><td>Ink</td><td>1,234.50</td><td>5 %</td></tr></table>"
)
_BLOCKS = (
    ("title", "Annual report 2024"),
    ("text", r"Net sales rose by 4 %, from $5 to $6; H<sub>2</sub>O and \(E = mc^2\) did not change."),
    ("equation", r"\[ \int_0^1 \frac{x^2}{\sqrt{1-x}} \, dx = \sum_{i=1}^{n} a_i \]"),
    ("table", _TABLE),
    ("table_caption", "Table 1: sales by item"),
    ("image", ""),
    ("text", "- first\n- second <script>alert(1)</script>"),
)


def main() -> None:
    """Draw it."""
    raw = render_blocks(Block(label, ((0, 0, 9, 9),), text) for label, text in _BLOCKS)
    writer = HtmlDocument(ResultHead("id", "completed", is_document=False, is_partial=False, title="report"))
    page = ResultPage(1, {"text": raw, "width": 1000, "height": 1000})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 760, "height": 600})
        tab.set_content(writer.begin() + writer.add(page) + writer.end())
        tab.screenshot(path=TARGET, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
