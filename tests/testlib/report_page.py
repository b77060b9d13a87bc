"""Draws pages of a report, and says what an engine finds on them: for tests, figures and pictures of the page for people."""

from collections.abc import Iterator
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

SIZE = (1240, 1754)  #: pixels, A4 at 150 dots per inch
_INK, _PALE = 30, 225
_MARGIN, _WIDTH = 110, 1020
_PARAGRAPHS = (
    "The east pier gauge was read every six minutes through the whole year. Two gaps, of 31 and of 74 hours, were filled from "
    "the neighbouring station, and filled values are marked as such in every table of this report.",
    "A fall of one hectopascal lifts the sea by about a centimetre. The correction was found by regression in the calm months "
    "and applied to all readings before the monthly means were formed.",
    "Levels are given in metres above chart datum. Who needs absolute heights adds the offset of the appendix, which was "
    "measured twice this year and agrees with the last survey to three millimetres.",
)
_ROWS = (
    ("Month", "Mean", "Highest", "Lowest"),
    ("January", "2.058", "3.91", "0.31"),
    ("February", "2.012", "3.98", "0.19"),
    ("March", "1.968", "4.02", "0.08"),
    ("April", "1.951", "3.85", "0.14"),
    ("May", "1.962", "3.71", "0.33"),
)


def report_page(number: int = 1) -> tuple[bytes, str]:
    """A page as a PNG, and the answer of an engine that finds each block in its place."""
    image = Image.new("L", SIZE, 255)
    pen, found, top = ImageDraw.Draw(image), [], 90
    for label, text, height in _blocks(number):
        _draw(pen, label, text, top)
        found.append(_block(label, text, (_MARGIN, top, _MARGIN + _WIDTH, top + height)))
        top += height + 34
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue(), "\n\n".join(found)


def _blocks(number: int) -> Iterator[tuple[str, str, int]]:
    yield "title", f"{number} Levels at the east pier", 60
    yield "text", _PARAGRAPHS[0], 132
    yield "sub_title", "Corrections", 40
    yield "text", _PARAGRAPHS[1], 100
    yield "table", "", 48 * len(_ROWS)
    yield "text", _PARAGRAPHS[2], 132
    yield "image", "", 330
    yield "page_number", str(number), 34


def _block(label: str, text: str, box: tuple[int, int, int, int]) -> str:
    shares = [round(at * 999 / SIZE[axis % 2]) for axis, at in enumerate(box)]
    marks = {"title": "# ", "sub_title": "## "}
    return f"<|ref|>{label}<|/ref|><|det|>[{shares}]<|/det|>\n{marks.get(label, '')}{_table() if label == 'table' else text}"


def _table() -> str:
    head, *rows = ["".join(f"<td>{cell}</td>" for cell in row) for row in _ROWS]
    return f"<table><tr>{head.replace('td>', 'th>')}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _draw(pen: ImageDraw.ImageDraw, label: str, text: str, top: int) -> None:
    if label == "table":
        for line, row in enumerate(_ROWS):
            for column, cell in enumerate(row):
                pen.text(
                    (_MARGIN + 10 + column * 255, top + line * 48 + 8), cell, fill=_INK, font=ImageFont.load_default(24)
                )
            pen.line((_MARGIN, top + line * 48 + 46, _MARGIN + _WIDTH, top + line * 48 + 46), fill=120)
    elif label == "image":
        pen.rectangle((_MARGIN, top, _MARGIN + _WIDTH, top + 330), fill=_PALE)
        waves = [(_MARGIN + x, top + 165 + (x * 37 % 211) - 105) for x in range(0, _WIDTH + 1, 30)]
        pen.line(waves, fill=_INK, width=4)
    else:
        size = {"title": 46, "sub_title": 30}.get(label, 24)
        pen.multiline_text(
            (_MARGIN, top), "\n".join(_lines(text, size)), fill=_INK, font=ImageFont.load_default(size), spacing=8
        )


def _lines(text: str, size: int) -> Iterator[str]:
    """The text in lines that are as wide as the page allows."""
    font, line = ImageFont.load_default(size), ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > _WIDTH:
            yield line
            longer = word
        line = longer
    yield line
