"""Opens a document at a path and decodes one of its pages, by its content. Runs in a child process.

A child imports it with its first document, and PDFium with it: many children only ever see images.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.page import Page
from ocr_celery.decode import image, pdf, tiff
from ocr_celery.decode.header import read_header
from ocr_celery.decode.protocol import MAX_DOCUMENT_PAGES
from ocr_celery.errors import Internal, OcrError, Unreadable, UnreadableDocument


def open_document(path: Path, password: str) -> DocumentInfo:
    """What kind of document it is and how many pages it has.

    Raises `UnreadableDocument`, `PasswordNeeded`, `WrongPassword`, `TooManyPages`; what `header.read_header` raises.
    """
    with _blamed_on(UnreadableDocument()):
        if _is_pdf(path):
            return DocumentInfo(kind="pdf", pages=pdf.count_pages(path, password))
        return DocumentInfo(kind="tiff", pages=tiff.count_pages(path, MAX_DOCUMENT_PAGES))


def load_page(path: Path, password: str, number: int, *, max_pixels: int, max_side: int) -> Page:
    """Page `number`, from 1. Raises what `open_document`, `pdf.render_page` and `image.load` raise."""
    with _blamed_on(Unreadable("The page is damaged and cannot be decoded.")):
        if _is_pdf(path):
            page = pdf.render_page(path, password, number, max_pixels=max_pixels, max_side=max_side)
            return replace(page, number=number)
        data, pages = tiff.extract_page(path, number, MAX_DOCUMENT_PAGES)
        page = image.load(data, max_pixels=max_pixels, max_side=max_side)
        return replace(page, number=number, pages=pages)


@contextmanager
def _blamed_on(error: OcrError) -> Iterator[None]:
    """Raise `error` for whatever decoders raise on broken data, and `Internal` if the file is not there."""
    try:
        yield
    except (OcrError, MemoryError):
        raise
    except FileNotFoundError:
        raise Internal from None
    except Exception:
        raise error from None


def _is_pdf(path: Path) -> bool:
    with path.open("rb") as file:
        header = read_header(file, max_pixels=sys.maxsize)  # a TIFF's pages are measured one by one
    if not header.is_document:
        raise UnreadableDocument(f"The file is an image ({header.format}), not a document.")
    return header.format == "PDF"
