"""Finds the text that a PDF page has already, so that a searchable PDF does not have it twice. Runs in a child process."""

import ctypes
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from ocr_celery.core.placed_line import PlacedLine
from ocr_celery.export.placed_text import PlacedPage

_ENOUGH = 0.5  #: of the characters that were read: a page with as many of its own has a text layer, and gets no other
_COVERED = 0.3  #: of a line's area: it is there already
_MAX_CHARACTERS = 100_000  #: of a page; with more it has a text layer, whatever was read
_MAX_OBJECTS = 50_000  #: drawn on a page whose text is looked at
_MAX_PLACES = 2000  #: of text that are compared with lines

Box = tuple[float, float, float, float]  #: left, top, right, bottom in pixels of the upright page


def without_existing(document: Any, page: PlacedPage) -> PlacedPage:
    """The page without the lines that the PDF itself has; none are left of a page that has a text layer.

    `document`: a `pypdfium2.PdfDocument`. A page whose own text cannot be read has none.
    """
    if not page.lines or page.width < 1 or page.height < 1:
        return page
    try:
        with closing(document[page.number - 1]) as own:
            if pdfium.FPDFPage_CountObjects(own) > _MAX_OBJECTS:
                return page
            with closing(own.get_textpage()) as text:
                return _compare(own, text, page)
    except (pypdfium2.PdfiumError, IndexError):
        return page


def _compare(own: Any, text: Any, page: PlacedPage) -> PlacedPage:
    count = pdfium.FPDFText_CountChars(text)
    if count <= 0:
        return page
    if count > _MAX_CHARACTERS:
        return replace(page, lines=())
    found = _character_count(text.get_text_range())
    if not found:
        return page
    if found >= _ENOUGH * sum(_character_count(line.text) for line in page.lines):
        return replace(page, lines=())
    boxes = [_box(own, text, at, page) for at in range(min(text.count_rects(), _MAX_PLACES))]
    return replace(page, lines=[line for line in page.lines if not _is_covered(line, boxes)])


def _character_count(text: str) -> int:
    return len("".join(text.split()))


def _box(own: Any, text: Any, at: int, page: PlacedPage) -> Box:
    left, bottom, right, top = text.get_rect(at)
    x1, y1 = _to_pixels(own, left, top, page)
    x2, y2 = _to_pixels(own, right, bottom, page)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _to_pixels(own: Any, x: float, y: float, page: PlacedPage) -> tuple[float, float]:
    """A point of the PDF's page as one of the page as it is seen."""
    right, down = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(own, 0, 0, page.width, page.height, 0, x, y, right, down)
    return right.value, down.value


def _is_covered(line: PlacedLine, boxes: Sequence[Box]) -> bool:
    area = max(line.right - line.left, 1) * max(line.bottom - line.top, 1)
    shared = (
        max(0.0, min(line.right, right) - max(line.left, left))
        * max(0.0, min(line.bottom, bottom) - max(line.top, top))
        for left, top, right, bottom in boxes
    )
    return sum(shared) >= _COVERED * area
