"""Writes the searchable PDF of a file and of the places of its text: in a child process, since the file is untrusted."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing

import pikepdf
import pypdfium2
from pikepdf import AccessMode, ObjectStreamMode, Pdf, StreamDecodeLevel

from ocr_celery.decode import image, tiff
from ocr_celery.decode.protocol import MAX_DOCUMENT_PAGES
from ocr_celery.errors import OcrError, PasswordNeeded, UnreadableDocument, WrongPassword
from ocr_celery.export.existing_text import without_existing
from ocr_celery.export.jpeg_stream import read_jpeg
from ocr_celery.export.pdf_request import PdfRequest
from ocr_celery.export.picture_pages import PicturePages
from ocr_celery.export.placed_text import PlacedPage
from ocr_celery.export.text_fonts import TextFonts
from ocr_celery.export.text_grafting import graft_text

_JPEG = b"\xff\xd8\xff"
_ANY_SIDE = 1 << 20  #: pixels: pictures are not made smaller


def write_file(wanted: PdfRequest) -> None:
    """Write the PDF. Raises the `OcrError` that says why there is none, and `MemoryError`."""
    try:
        _write(wanted)
    except pikepdf.PdfError:
        raise UnreadableDocument from None


def _write(wanted: PdfRequest) -> None:
    with ExitStack() as opened:
        if wanted.kind == "pdf":
            pdf = _given_pages(wanted, opened)
            own = opened.enter_context(closing(_pdfium_document(wanted)))
            texts: Iterable[PlacedPage] = (without_existing(own, text) for text in _texts(wanted))
        else:
            pdf = _picture_pages(wanted, opened)
            texts = _texts(wanted)
        fonts = TextFonts(pdf)
        for page, text in zip(pdf.pages, texts, strict=True):
            graft_text(pdf, page, text, fonts)
        fonts.finish()
        pdf.save(
            wanted.target,
            fix_metadata_version=False,
            stream_decode_level=StreamDecodeLevel.none,  # no stream is unpacked: it is copied, however large it would be
            object_stream_mode=ObjectStreamMode.preserve,
            deterministic_id=True,
        )


def _texts(wanted: PdfRequest) -> Iterator[PlacedPage]:
    with wanted.texts.open(encoding="utf-8") as lines:
        yield from map(PlacedPage.from_json, lines)


def _given_pages(wanted: PdfRequest, opened: ExitStack) -> Pdf:
    """The PDF as it was given where all its pages are wanted, else a new one with those that are."""
    pdf = opened.enter_context(_opened_pdf(wanted))
    numbers = [text.number for text in _texts(wanted)]
    if numbers == list(range(1, len(pdf.pages) + 1)):
        return pdf
    if any(not 1 <= number <= len(pdf.pages) for number in numbers):
        raise UnreadableDocument("The document has fewer pages than were read.")
    part = opened.enter_context(Pdf.new())
    for number in numbers:
        part.pages.append(pdf.pages[number - 1])
    return part


def _opened_pdf(wanted: PdfRequest) -> Pdf:
    try:
        return Pdf.open(wanted.source, password=wanted.password, access_mode=AccessMode.stream)
    except pikepdf.PasswordError:
        raise (WrongPassword if wanted.password else PasswordNeeded) from None


def _pdfium_document(wanted: PdfRequest) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(wanted.source, password=wanted.password or None)
    except pypdfium2.PdfiumError:
        raise UnreadableDocument from None


def _picture_pages(wanted: PdfRequest, opened: ExitStack) -> Pdf:
    pictures = PicturePages(wanted.folder)
    for text in _texts(wanted):
        try:
            _add_picture(pictures, wanted, text.number)
        except OcrError:  # the page could not be read either: it keeps its place
            pictures.add_blank()
    return pictures.joined(opened)


def _add_picture(pictures: PicturePages, wanted: PdfRequest, number: int) -> None:
    if wanted.kind == "tiff":
        data, _ = tiff.extract_page(wanted.source, number, MAX_DOCUMENT_PAGES)
    else:
        data = wanted.source.read_bytes()
    jpeg = read_jpeg(data) if data.startswith(_JPEG) else None
    if jpeg:
        pictures.add_jpeg(data, jpeg)
    else:
        pictures.add_picture(image.load(data, max_pixels=wanted.max_pixels, max_side=_ANY_SIDE).image)
