"""Shows what each format makes of a sample page, as a picture of `SIZE`: as text, in a browser, as PDFium draws it.

What an export is is asked of the export itself: its text layer of PDFium, its cells of the spreadsheet, its text of pandoc.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from html import escape
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pypdfium2
from PIL import Image, ImageDraw
from playwright.sync_api import Page as Tab

from docs.sample_pages import SamplePage
from ocr_celery.core.file_type import FileType
from ocr_celery.core.result_formats import FORMATS, ResultFormat, ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.table_formats import TABLE_FORMATS
from ocr_celery.errors import NoTables
from ocr_celery.export.docx import write_docx
from ocr_celery.export.html import HTML
from ocr_celery.export.page_image import write_page_image
from ocr_celery.export.searchable_pdf import write_searchable_pdf
from ocr_celery.export.zip_file import write_zip
from tests.testlib.export_job import GivenJob
from tests.testlib.spreadsheet import Spreadsheet
from web.result_sheets import sheet_pieces

SIZE = (480, 460)  #: pixels of a picture
_MOST_HEIGHT = 1188  #: pixels of a page that are shown
SEARCHED = {"paper": "radius", "form": "vessel", "report-zh": "水位", "receipt": "TOTAL"}
_TEXTS: Mapping[str, FileType] = {**FORMATS, **TABLE_FORMATS, "html": HTML}
_PLAIN = (
    "<style>body{margin:10px;white-space:pre-wrap;overflow-wrap:anywhere;"
    "font:12px/1.4 'Liberation Mono','WenQuanYi Micro Hei',monospace}</style>"
)
_CELLS = (
    "<style>body{margin:10px;font:12px 'Liberation Sans','WenQuanYi Micro Hei'}table{border-collapse:collapse;margin-bottom:12px}"
    "td{border:1px solid #bbb;padding:3px 6px}.n{text-align:right}.b{font-weight:bold}caption{text-align:left;color:#555}</style>"
)
_SELECTED, _FOUND = (120, 170, 255), (255, 196, 0)

Show = Callable[[Tab, SamplePage, Path], Image.Image]


def given(_: Tab, sample: SamplePage, __: Path) -> Image.Image:
    """The page itself."""
    with Image.open(sample.file) as image:
        return _fitted(image.convert("RGB"))


def as_text(format: str) -> Show:
    """A format that is text, as a text editor shows it."""

    def show(tab: Tab, sample: SamplePage, _: Path) -> Image.Image:
        return _browsed(tab, _PLAIN + escape(_text(format, sample)))

    return show


def html(tab: Tab, sample: SamplePage, _: Path) -> Image.Image:
    """The HTML document in a browser."""
    return _browsed(tab, _text("html", sample), smaller=True)


def annotated(_: Tab, sample: SamplePage, folder: Path) -> Image.Image:
    """The picture of the page with its blocks."""
    with Image.open(write_page_image(_job(sample, folder, annotated=True))) as image:
        return _fitted(image.convert("RGB"))


def pdf(_: Tab, sample: SamplePage, folder: Path) -> Image.Image:
    """The PDF with all of its text selected, and what a search finds."""
    with closing(pypdfium2.PdfDocument(write_searchable_pdf(_job(sample, folder)))) as document:
        page = document[0]
        text, scale = page.get_textpage(), sample.result["width"] / page.get_width()
        picture = page.render(scale=scale).to_pil().convert("RGB")
        boxes = [text.get_rect(n) for n in range(text.count_rects())]
        found = list(_found(text, SEARCHED[sample.name]))
        assert found, sample.name
        marks = Image.new("RGB", picture.size, "white")
        for colour, places in ((_SELECTED, boxes), (_FOUND, found)):
            for left, bottom, right, top in places:
                upper, lower = page.get_height() - top, page.get_height() - bottom
                ImageDraw.Draw(marks).rectangle([scale * at for at in (left, upper, right, lower)], fill=colour)
    return _fitted(Image.composite(picture, marks, picture.convert("L").point(lambda ink: 255 if ink < 128 else 0)))


def _found(text: pypdfium2.PdfTextPage, word: str) -> Iterator[tuple[float, float, float, float]]:
    search = text.search(word)
    while place := search.get_next():
        boxes = [text.get_charbox(place[0] + n) for n in range(place[1])]
        lefts, bottoms, rights, tops = zip(*boxes, strict=True)
        yield min(lefts), min(bottoms), max(rights), max(tops)


def docx(tab: Tab, sample: SamplePage, folder: Path) -> Image.Image:
    """The Word file, as pandoc reads it."""
    made = write_docx(_job(sample, folder))
    command = [shutil.which("pandoc") or "pandoc", str(made), "--to=html", "--mathml", "--self-contained"]
    return _browsed(tab, subprocess.run(command, capture_output=True, check=True).stdout.decode(), smaller=True)


def tables(tab: Tab, sample: SamplePage, _: Path) -> Image.Image:
    """The sheets of the spreadsheet, and below them the tables as CSV."""
    try:
        book = Spreadsheet(b"".join(sheet_pieces(_head(sample), iter([_page(sample)]), _add)))
    except NoTables as error:
        return _browsed(tab, _CELLS + escape(error.message))
    sheets = "".join(_sheet(book, number) for number in range(len(book.names)))
    return _browsed(tab, f"{_CELLS}{sheets}<pre>{escape(_text('csv', sample).lstrip(chr(0xFEFF)))}</pre>")


def _sheet(book: Spreadsheet, number: int) -> str:
    cells, bold, formats = book.cells(number), book.bold(number), book.shown_as(number)
    columns = sorted({place.rstrip("0123456789") for place in cells}, key=lambda name: (len(name), name))
    rows = range(1, 1 + max(int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) for place in cells))
    shown = "".join(
        "<tr>"
        + "".join(_cell(cells.get(at, ""), formats.get(at, ""), at in bold) for at in (f"{c}{row}" for c in columns))
        + "</tr>"
        for row in rows
    )
    return f"<table><caption>{escape(book.names[number])}</caption>{shown}</table>"


def _cell(value: str | float, format: str, is_bold: bool) -> str:
    kind = ("n " if isinstance(value, float) else "") + ("b" if is_bold else "")
    places = len(format.partition(".")[2])
    return f'<td class="{kind}">{escape(f"{value:.{places}f}" if isinstance(value, float) else value)}</td>'


def archive(tab: Tab, sample: SamplePage, folder: Path) -> Image.Image:
    """What is in the archive: names and sizes, its markdown and its figures."""
    with ZipFile(write_zip(_job(sample, folder))) as made:
        names = "\n".join(f"{entry.file_size:8,}  {entry.filename}" for entry in made.infolist())
        figures = [made.read(name) for name in made.namelist() if name.endswith(".jpg")]
        markdown = made.read("result.md").decode()
    picture = _browsed(tab, f"{_PLAIN}<div>{escape(names)}</div><hr>{escape(markdown)}")
    for figure in figures:
        with Image.open(BytesIO(figure)) as image:
            image.thumbnail((SIZE[0] // 2, SIZE[1] // 3))
            picture.paste(image, (SIZE[0] - image.width - 10, SIZE[1] - image.height - 10))
    return picture


def _job(sample: SamplePage, folder: Path, **options: object) -> GivenJob:
    inside = folder / f"{sample.name}-job"
    inside.mkdir(exist_ok=True)
    return GivenJob(sample.file, "image", [sample.result], inside, head=_head(sample), options={"page": 1, **options})


def _head(sample: SamplePage) -> ResultHead:
    return ResultHead("550e8400", "completed", is_document=False, is_partial=False, title=sample.name)


def _page(sample: SamplePage) -> ResultPage:
    return ResultPage.alone(sample.result)


def _text(format: str, sample: SamplePage) -> str:
    chosen = _TEXTS[format]
    assert isinstance(chosen, ResultFormat), format
    writer = chosen.writer(_head(sample))
    try:
        return "".join((writer.begin(), writer.add(_page(sample)), writer.end()))
    except NoTables as error:
        return error.message


def _add(writer: object, page: ResultPage) -> str:
    return str(writer.add(page))  # type: ignore[attr-defined]


def _browsed(tab: Tab, text: str, *, smaller: bool = False) -> Image.Image:
    """What a browser shows of an HTML document, from its beginning. `smaller`: zoomed out, so that it is more of a page."""
    tab.set_viewport_size({"width": SIZE[0], "height": SIZE[1]})
    tab.goto("about:blank")  # a document that forbids styles would forbid those of the next one
    tab.set_content(text)
    tab.evaluate("zoom => { document.documentElement.style.zoom = zoom }", 0.6 if smaller else 1)
    return Image.open(BytesIO(tab.screenshot())).convert("RGB")


def _fitted(image: Image.Image) -> Image.Image:
    """The page; of one that is as high as A4 the lower part, which is empty, is cut off."""
    image = image.crop((0, 0, image.width, min(image.height, _MOST_HEIGHT)))
    image.thumbnail(SIZE, Image.Resampling.LANCZOS)
    page = Image.new("RGB", SIZE, (220, 220, 220))
    page.paste(image, ((SIZE[0] - image.width) // 2, 0))
    return page
