"""Counts the pages of a PDF and renders one, in a child process: with `text_layer` and `page_ink` all that knows PDFium.

The picture's longer side is what the engine uses, whatever the page's size: the scale of a PDF is often wrong, and a number
of pixels bounds the work. A page of other proportions than any paper stays within the bounds of both sides.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from ocr_celery.core.page import Page
from ocr_celery.decode.protocol import MAX_DOCUMENT_PAGES
from ocr_celery.decode.text_layer import read_text_layer
from ocr_celery.errors import PasswordNeeded, TooManyPages, Unreadable, UnreadableDocument, WrongPassword

_PASSWORD, _SECURITY = 4, 5  #: errors of PDFium


def count_pages(path: Path, password: str) -> int:
    """The number of pages that the document says it has.

    Raises `UnreadableDocument`, `PasswordNeeded`, `WrongPassword`, `TooManyPages`.
    """
    with _opened(path, password) as document:
        pages = len(document)
    if pages > MAX_DOCUMENT_PAGES:
        raise TooManyPages(f"The document says that it has {pages} pages; at most {MAX_DOCUMENT_PAGES} can be read.")
    return pages


def render_page(path: Path, password: str, number: int, *, max_pixels: int, max_side: int) -> Page:
    """Page `number`, from 1, as it is seen on a screen: upright, cropped, with the values of its form; and its own text.

    Raises what `count_pages` raises, and `Unreadable` for a page that is damaged or not there.
    """
    with _opened(path, password) as document:
        pages = len(document)
        if not 0 < number <= pages:
            raise Unreadable(f"The document has no page {number}.")
        document.init_forms()  # before a page is loaded: else the values of its form are not drawn
        try:
            page = document[number - 1]
        except pypdfium2.PdfiumError:
            raise Unreadable("The page is damaged and cannot be rendered.") from None
        with closing(page):
            image = _picture(page, max_pixels, max_side)
            layer = read_text_layer(page, image)
        return Page(
            image=image,
            width=image.width,
            height=image.height,
            pages=min(pages, MAX_DOCUMENT_PAGES),
            text_layer=layer.text,
            text_plausible=layer.plausible,
            fonts_missing=layer.fonts_missing,
        )


@contextmanager
def _opened(path: Path, password: str) -> Iterator[Any]:
    try:
        document = pypdfium2.PdfDocument(path, password=password or None)
    except pypdfium2.PdfiumError as exc:
        if exc.err_code == _PASSWORD:
            raise (WrongPassword if password else PasswordNeeded) from None
        if exc.err_code == _SECURITY:
            raise UnreadableDocument(
                "The document's encryption is not supported; save it without a password."
            ) from None
        raise UnreadableDocument from None
    with closing(document):
        yield document


def _picture(page: Any, max_pixels: int, max_side: int) -> Image.Image:
    width, height = page.get_size()
    scale = (max_side - 0.5) / max(width, height, 1)  # the renderer rounds up
    scale *= min(1.0, (max_pixels / (max_side * max_side)) ** 0.5)
    with closing(page.render(scale=scale, rev_byteorder=True)) as bitmap:
        size = bitmap.width, bitmap.height
        return Image.frombytes("RGB", size, memoryview(bitmap.buffer), "raw", "RGB", bitmap.stride, 1)
