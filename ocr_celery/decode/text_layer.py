"""Reads a PDF page's own text, and looks in the page's picture whether the text is seen there.

A question to PDFium costs microseconds, so it is asked per line, and per character only of a sample: a page takes a few
milliseconds.
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pypdfium2
import pypdfium2.raw as pdfium

from ocr_celery.core.text_layer import LayerCounts, TextLayer, count_characters, judge_layer
from ocr_celery.core.text_paragraphs import TextLine, clean_line, join_paragraphs
from ocr_celery.decode.page_ink import PageInk, Rectangle

if TYPE_CHECKING:
    from PIL import Image

MAX_CHARACTERS = (
    100_000  #: of a page; a layer of more is not used at all, since a truncated text would be lost without notice
)
_MAX_OBJECTS = 50_000  #: drawn on a page: of more, reading the text alone may take longer than a page may
_MAX_ANNOTATIONS = 1000  #: that are looked at
_SAMPLE = 80  #: characters whose places are looked at
_HYPHENS = (0x2, 0xFFFE)  #: what PDFium puts in the place of a hyphen at the end of a line
_NO_HEIGHT = 0.01  #: of the room for a character: PDFium gives one without a shape a thousandth
_INVISIBLE = (3, 7)  #: text rendering modes that draw nothing
_LINK, _POPUP, _NOTE, _MARKS = 2, 16, 1, (9, 10, 11, 12)
_WITHOUT_TEXT = frozenset({_NOTE, _LINK, _POPUP, *_MARKS})  #: subtypes of annotations


def read_text_layer(page: Any, picture: "Image.Image") -> TextLayer:
    """The text layer of a page, judged by its picture.

    `page`: a `pypdfium2.PdfPage`. `picture`: all of it, rendered upright, in mode RGB.
    """
    if pdfium.FPDFPage_CountObjects(page) > _MAX_OBJECTS:
        return TextLayer()
    try:
        with closing(page.get_textpage()) as text_page:
            page_text = _PageText(page, text_page)
            return _judge(page_text, PageInk(picture, page)) if page_text.spans else TextLayer()
    except pypdfium2.PdfiumError:
        return TextLayer()


def _judge(page_text: "_PageText", ink: PageInk) -> TextLayer:
    placed = [(span, ink.pixels(box)) for span in page_text.spans if (box := page_text.line_box(span))]
    placed = [(span, box) for span, box in placed if ink.is_on_page(box)]
    texts = [page_text.text(span) for span, _ in placed]
    lines = [
        TextLine(
            text=clean_line(text), left=box[0], top=box[1], right=box[2], bottom=box[3], hyphenated=span.hyphenated
        )
        for (span, box), text in zip(placed, texts, strict=True)
    ]
    characters, words, unreadable = count_characters("".join(texts))
    explained, drawn = ink.explained([box for _, box in placed])
    sample = page_text.sample([span for span, _ in placed])
    inked = [at for at in sample if ink.is_drawn(_inner(ink.pixels(page_text.character_box(at))))]
    blank = set(sample).difference(inked)
    counts = LayerCounts(
        characters=characters,
        words=words,
        unreadable=unreadable,
        sampled=len(sample),
        inked=len(inked),
        fontless=sum(map(page_text.is_fontless, blank)),
        unmapped=sum(map(page_text.is_unmapped, sample)),
        drawn=drawn,
        explained=explained,
        sideways=sum(len(line.text) for line in lines if _is_sideways(line)),
        drawn_beside=page_text.has_drawn_annotations(),
    )
    return judge_layer(join_paragraphs(lines), counts)


def _is_sideways(line: TextLine) -> bool:
    return len(line.text) > 3 and line.bottom - line.top > line.right - line.left


def _inner(box: Rectangle) -> Rectangle:
    """Without the rim, which rules of a table may touch."""
    left, top, right, bottom = box
    x, y = (right - left) / 8, (bottom - top) / 8
    return left + x, top + y, right - x, bottom - y


@dataclass(frozen=True, slots=True)
class _Span:
    """A line: the index of its first character, and of the one after its last."""

    start: int
    end: int
    hyphenated: bool


class _PageText:
    """A page's text as PDFium has it. Characters are UTF-16 code units, which PDFium counts."""

    def __init__(self, page: Any, text_page: Any) -> None:
        self._page, self._text_page = page, text_page
        self._data = self._read()
        self.spans = list(_spans(memoryview(self._data).cast("H"))) if self._data else []

    def _read(self) -> bytes:
        count = pdfium.FPDFText_CountChars(self._text_page)
        if not 0 < count <= MAX_CHARACTERS:
            return b""
        units = (ctypes.c_ushort * (count + 1))()
        written = pdfium.FPDFText_GetText(self._text_page, 0, count, units)
        return bytes(units)[: 2 * min(count, max(0, written - 1))]

    def text(self, span: _Span) -> str:
        return self._data[2 * span.start : 2 * span.end].decode("utf-16-le", "replace")

    def line_box(self, span: _Span) -> Rectangle | None:
        """Left, bottom, right, top in points; None for a line of spaces."""
        text = self.text(span)
        if not text.strip():
            return None
        # where a character has two units the last one is missed by as many characters: its place is near enough
        ends = span.start + len(text) - len(text.lstrip()), span.start + len(text.rstrip()) - 1
        first, last = map(self.character_box, ends)
        return min(first[0], last[0]), min(first[1], last[1]), max(first[2], last[2]), max(first[3], last[3])

    def character_box(self, at: int) -> Rectangle:
        """Left, bottom, right, top in points: the room that the font gives the character."""
        box = pdfium.FS_RECTF()
        pdfium.FPDFText_GetLooseCharBox(self._text_page, at, box)
        return box.left, box.bottom, box.right, box.top

    def sample(self, spans: Sequence[_Span]) -> list[int]:
        """Letters and digits, evenly from all lines."""
        units = memoryview(self._data).cast("H")
        words = [at for span in spans for at in range(span.start, span.end) if chr(units[at]).isalnum()]
        return words[:: -(-len(words) // _SAMPLE) or 1]

    def is_fontless(self, at: int) -> bool:
        """Whether the character has no shape, and its font is not in the file."""
        drawn = pdfium.FPDFText_GetTextObject(self._text_page, at)
        if not drawn or pdfium.FPDFTextObj_GetTextRenderMode(drawn) in _INVISIBLE:
            return False
        font = pdfium.FPDFTextObj_GetFont(drawn)
        if not font or pdfium.FPDFFont_GetIsEmbedded(font) != 0:
            return False
        room, shape = self.character_box(at), self._text_page.get_charbox(at)
        return float(shape[3] - shape[1]) <= _NO_HEIGHT * (room[3] - room[1])

    def is_unmapped(self, at: int) -> bool:
        """Whether the file does not say which character it is."""
        return bool(pdfium.FPDFText_HasUnicodeMapError(self._text_page, at) == 1)

    def has_drawn_annotations(self) -> bool:
        """Whether a form field, a note or a stamp is drawn on the page: their text is in no text layer."""
        count = pdfium.FPDFPage_GetAnnotCount(self._page)
        for number in range(min(count, _MAX_ANNOTATIONS)):
            annotation = pdfium.FPDFPage_GetAnnot(self._page, number)
            subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
            pdfium.FPDFPage_CloseAnnot(annotation)
            if subtype not in _WITHOUT_TEXT:
                return True
        return bool(count > _MAX_ANNOTATIONS)


def _spans(units: "memoryview[int]") -> Iterator[_Span]:
    """The lines: PDFium puts CR LF at the end of one, or the mark of a hyphen."""
    start = 0
    for at, unit in enumerate(units):
        if unit in _HYPHENS:
            yield _Span(start, at, True)
            start = at + 1
        elif unit == 0xA and at > start and units[at - 1] == 0xD:
            yield _Span(start, at - 1, False)
            start = at + 1
    yield _Span(start, len(units), False)
