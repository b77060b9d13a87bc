"""The pipe protocol between worker and child: a request and its file in, an answer and its pixels out, lengths first.

An image comes as its bytes. A document is opened by its path, so that a file of many pages is not copied for each.
A child that decoded a hostile file may send anything, so every field of an answer is checked before memory is allocated
or data is read by it.
"""

import os
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ocr_celery import errors
from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.errors import OcrError

READY = b"ready"  #: sent by a child when its decoders are imported
REQUEST = struct.Struct("!c?QQQQQd")
ANSWER = struct.Struct("!cBIIIIII")
_PAGE, _PDF, _TIFF, _REFUSED, _OUT_OF_MEMORY = b"P", b"F", b"T", b"R", b"M"
_FONTS_MISSING, _PLAUSIBLE = 1, 2  #: flags of a page
_MAX_MESSAGE_BYTES = 400  #: of the name and message of an error
MAX_TEXT_BYTES = 1 << 20  #: of a page's text layer
MAX_PAGES = 10_000  #: reported for an image of more frames
MAX_DOCUMENT_PAGES = 100_000  #: a document of more is refused
_REFUSALS = (
    *("EmptyFile", "NotAnImage", "DocumentNotSupported"),
    *("Unreadable", "TooManyPixels", "PageTooCostly"),
    *("UnreadableDocument", "PasswordNeeded", "WrongPassword", "TooManyPages", "Internal"),
)


class BadAnswer(Exception):
    """The child violated the protocol."""


class Operation(Enum):
    """What a child is asked to do."""

    IMAGE = b"I"  #: decode the first page of these bytes
    OPEN = b"O"  #: count the pages of the document at a path
    PAGE = b"P"  #: decode one page of the document at a path


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Sent to a child, followed by the file, or by what `pack_location` makes of a document's path."""

    operation: Operation = Operation.IMAGE
    with_text: bool = False  #: also send the page's text layer
    number: int = 1  #: of the page, from 1
    length: int  #: bytes that follow
    max_pixels: int  #: of the image as stored
    max_side: int  #: pixels of the longer side of the answer
    memory: int  #: bytes that decoding may use
    seconds: float  #: of CPU time; the worker limits the rest

    def pack(self) -> bytes:
        """The bytes to send."""
        return REQUEST.pack(
            *(self.operation.value, self.with_text, self.number, self.length),
            *(self.max_pixels, self.max_side, self.memory, self.seconds),
        )


def parse_request(data: bytes) -> Request:
    """The request in these `REQUEST.size` bytes."""
    operation, with_text, number, length, max_pixels, max_side, memory, seconds = REQUEST.unpack(data)
    return Request(
        operation=Operation(operation),
        with_text=with_text,
        number=number,
        length=length,
        max_pixels=max_pixels,
        max_side=max_side,
        memory=memory,
        seconds=seconds,
    )


def pack_location(path: Path, password: str) -> bytes:
    """What follows a request for a document. A password reaches a child in this way only."""
    return os.fsencode(path.absolute()) + b"\0" + password.encode(errors="replace")


def parse_location(data: bytes) -> tuple[Path, str]:
    """The path and the password in the bytes of `pack_location`."""
    path, _, password = data.partition(b"\0")
    return Path(os.fsdecode(path)), password.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAnswer:
    """A page, followed by its pixels (RGB, three bytes each, row by row without padding) and its text layer (UTF-8)."""

    image_width: int  #: pixels of the image that follows
    image_height: int
    width: int  #: pixels of the upright page before scaling
    height: int
    pages: int  #: in the file
    text_length: int = 0  #: bytes of the text layer
    text_plausible: bool = False
    fonts_missing: bool = False

    @property
    def length(self) -> int:
        """Number of bytes of the pixels."""
        return 3 * self.image_width * self.image_height

    def pack(self) -> bytes:
        """The bytes to send."""
        flags = _FONTS_MISSING * self.fonts_missing | _PLAUSIBLE * self.text_plausible
        sizes = (self.image_width, self.image_height, self.width, self.height)
        return ANSWER.pack(_PAGE, flags, *sizes, self.pages, self.text_length)


@dataclass(frozen=True, slots=True)
class RefusalAnswer:
    """The error of the file, followed by ``NAME:MESSAGE``."""

    length: int

    def error(self, data: bytes) -> OcrError:
        """The error in the bytes that follow. Raises `BadAnswer`."""
        name, _, message = data.decode("utf-8", "replace").partition(":")
        if name not in _REFUSALS or not message.isprintable():
            raise BadAnswer(f"the error {name!r}")
        return errors.BY_NAME[name](message)


@dataclass(frozen=True, slots=True)
class OutOfMemoryAnswer:
    """Decoding needs more memory than the request allows."""


Answer = PageAnswer | DocumentInfo | RefusalAnswer | OutOfMemoryAnswer


def pack_document(info: DocumentInfo) -> bytes:
    """The whole answer for a document that was opened."""
    return ANSWER.pack(_PDF if info.kind == "pdf" else _TIFF, 0, 0, 0, 0, 0, info.pages, 0)


def pack_refusal(error: OcrError) -> bytes:
    """The whole answer for an error."""
    text = f"{type(error).__name__}:{error.message}".encode()[:_MAX_MESSAGE_BYTES]
    return ANSWER.pack(_REFUSED, 0, 0, 0, 0, 0, 0, len(text)) + text


def pack_out_of_memory() -> bytes:
    """The whole answer for a lack of memory."""
    return ANSWER.pack(_OUT_OF_MEMORY, 0, 0, 0, 0, 0, 0, 0)


def parse_answer(data: bytes, asked: Request) -> Answer:
    """The answer in these `ANSWER.size` bytes, checked against the request. Raises `BadAnswer`."""
    kind, flags, image_width, image_height, width, height, pages, length = ANSWER.unpack(data)
    if kind == _OUT_OF_MEMORY:
        return OutOfMemoryAnswer()
    if kind == _REFUSED and length <= _MAX_MESSAGE_BYTES:
        return RefusalAnswer(length)
    opens = asked.operation is Operation.OPEN
    if not 0 < pages <= MAX_DOCUMENT_PAGES or opens != (kind in (_PDF, _TIFF)) or not (opens or kind == _PAGE):
        raise BadAnswer(f"{kind!r}: {pages} pages")
    if opens:
        return DocumentInfo(kind="pdf" if kind == _PDF else "tiff", pages=pages)
    most = asked.max_side
    sizes_fit = 0 < image_width <= most and 0 < image_height <= most and 0 < width * height <= asked.max_pixels
    if not sizes_fit or length > (MAX_TEXT_BYTES if asked.with_text else 0):
        raise BadAnswer(f"{image_width} x {image_height} of {width} x {height}, {length} bytes of text")
    return PageAnswer(
        image_width=image_width,
        image_height=image_height,
        width=width,
        height=height,
        pages=pages,
        text_length=length,
        text_plausible=bool(flags & _PLAUSIBLE),
        fonts_missing=bool(flags & _FONTS_MISSING),
    )
