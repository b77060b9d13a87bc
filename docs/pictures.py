"""Draws the pictures of docs/results.md, from pages that are drawn and read here: `python -m docs.pictures [NAME …]`.

Needs Chromium and playwright, which the tests have, pandoc, the CPU engine, and the fonts Liberation and WenQuanYi Micro Hei
(`apt-get install pandoc fonts-liberation fonts-wqy-microhei`).
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from docs import shown_formats
from docs.sample_pages import sample_pages
from ocr_celery.core.grounding import Block, render_blocks
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.export.html import HtmlDocument

_FOLDER = Path(__file__).parent
_MOST_BYTES = 80_000  #: of a picture
_GAP = 8  #: pixels between two pages
_SHEETS: Mapping[str, shown_formats.Show] = {
    "given": shown_formats.given,
    "md": shown_formats.as_text("md"),
    "html-pages": shown_formats.html,
    "annotated": shown_formats.annotated,
    "pdf": shown_formats.pdf,
    "docx": shown_formats.docx,
    "tables": shown_formats.tables,
    "zip": shown_formats.archive,
}
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
    """Draw those that are named, or all."""
    chosen = sys.argv[1:] or ["html", *_SHEETS]
    with sync_playwright() as playwright, TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        if "html" in chosen:
            draw_html(browser)
        if sheets := [name for name in chosen if name in _SHEETS]:
            draw_sheets(browser, sheets, Path(folder))
        browser.close()


def draw_html(browser: Browser) -> None:
    """One page as HTML, with all that HTML shows of a page."""
    raw = render_blocks(Block(label, ((0, 0, 9, 9),), text) for label, text in _BLOCKS)
    writer = HtmlDocument(ResultHead("id", "completed", is_document=False, is_partial=False, title="report"))
    page = ResultPage(1, {"text": raw, "width": 1000, "height": 1000})
    tab = browser.new_page(viewport={"width": 760, "height": 600})
    tab.set_content(writer.begin() + writer.add(page) + writer.end())
    tab.screenshot(path=_FOLDER / "result-html.png", full_page=True)
    tab.close()


def draw_sheets(browser: Browser, names: Sequence[str], folder: Path) -> None:
    """Of each format a picture with what it makes of the sample pages."""
    given = browser.new_page(device_scale_factor=2, viewport={"width": 620, "height": 877})
    samples = list(sample_pages(given, folder))
    tab = browser.new_page()
    for name in names:
        show = _SHEETS[name]
        save_sheet([show(tab, sample, folder) for sample in samples], _FOLDER / f"result-{name}.png")


def save_sheet(pictures: Sequence[Image.Image], path: Path) -> None:
    """Two beside each other, in as many colours as a small file has."""
    width, height = pictures[0].size
    sheet = Image.new("RGB", (2 * width + 3 * _GAP, 2 * height + 3 * _GAP), (120, 120, 120))
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (_GAP + number % 2 * (width + _GAP), _GAP + number // 2 * (height + _GAP)))
    for colours in (32, 16, 8):
        sheet.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= _MOST_BYTES:
            break
    print(path.name, colours, path.stat().st_size)


if __name__ == "__main__":
    main()
