"""Whether a file is an image or a document, by its content: they have different limits and go different ways."""

import re
import sys
from typing import BinaryIO

from ocr_celery.decode.header import read_header
from ocr_celery.errors import OcrError

_MAY_BE_DOCUMENT = re.compile(rb"II[*+]\0|MM\0[*+]|.{0,1019}%PDF-", re.DOTALL)


def may_be_document(start: bytes) -> bool:
    """Whether a file with these first bytes may turn out to be a document."""
    return _MAY_BE_DOCUMENT.match(start) is not None


def is_document(data: bytes | BinaryIO) -> bool:
    """Whether a file may have several pages that are all to be read: PDF and TIFF."""
    try:
        return read_header(data, max_pixels=sys.maxsize).is_document
    except OcrError:
        return False
