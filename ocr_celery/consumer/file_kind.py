"""Whether a file is an image or a document, by its content: they have different limits and go different ways."""

import sys

from ocr_celery.decode.header import read_header
from ocr_celery.errors import OcrError


def is_document(data: bytes) -> bool:
    """Whether a file may have several pages that are all to be read: PDF and TIFF."""
    try:
        return read_header(data, max_pixels=sys.maxsize, accept_pdf=True).is_document
    except OcrError:
        return False
