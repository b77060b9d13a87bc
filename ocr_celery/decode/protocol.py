"""The pipe protocol between worker and child: a request and its file in, an answer and its pixels out, lengths first.

A child that decoded a hostile file may send anything, so every field of an answer is checked before memory is allocated
or data is read by it.
"""

import struct
from dataclasses import dataclass

from ocr_celery import errors
from ocr_celery.errors import OcrError

READY = b"ready"  #: sent by a child when its decoders are imported
REQUEST = struct.Struct("!QQQQd")
ANSWER = struct.Struct("!cIIIIII")
_PAGE, _REFUSED, _OUT_OF_MEMORY = b"P", b"R", b"M"
_MAX_MESSAGE_BYTES = 400  #: of the name and message of an error
MAX_PAGES = 10_000  #: reported for a file of more pages
_REFUSALS = (
    *("EmptyFile", "NotAnImage", "DocumentNotSupported", "PdfNotSupported"),
    *("Unreadable", "TooManyPixels", "PageTooCostly"),
)


class BadAnswer(Exception):
    """The child violated the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Sent to a child, followed by the file."""

    length: int  #: bytes of the file
    max_pixels: int  #: of the image as stored
    max_side: int  #: pixels of the longer side of the answer
    memory: int  #: bytes that decoding may use
    seconds: float  #: of CPU time; the worker limits the rest

    def pack(self) -> bytes:
        """The bytes to send."""
        return REQUEST.pack(self.length, self.max_pixels, self.max_side, self.memory, self.seconds)


def parse_request(data: bytes) -> Request:
    """The request in these `REQUEST.size` bytes."""
    length, max_pixels, max_side, memory, seconds = REQUEST.unpack(data)
    return Request(length=length, max_pixels=max_pixels, max_side=max_side, memory=memory, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAnswer:
    """A page, followed by its pixels: RGB, three bytes each, row by row without padding."""

    image_width: int  #: pixels of the image that follows
    image_height: int
    width: int  #: pixels of the upright page before scaling
    height: int
    pages: int  #: in the file

    @property
    def length(self) -> int:
        """Number of bytes that follow."""
        return 3 * self.image_width * self.image_height

    def pack(self) -> bytes:
        """The bytes to send."""
        return ANSWER.pack(_PAGE, self.image_width, self.image_height, self.width, self.height, self.pages, 0)


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


def pack_refusal(error: OcrError) -> bytes:
    """The whole answer for an error."""
    text = f"{type(error).__name__}:{error.message}".encode()[:_MAX_MESSAGE_BYTES]
    return ANSWER.pack(_REFUSED, 0, 0, 0, 0, 0, len(text)) + text


def pack_out_of_memory() -> bytes:
    """The whole answer for a lack of memory."""
    return ANSWER.pack(_OUT_OF_MEMORY, 0, 0, 0, 0, 0, 0)


def parse_answer(data: bytes, asked: Request) -> PageAnswer | RefusalAnswer | OutOfMemoryAnswer:
    """The answer in these `ANSWER.size` bytes, checked against the request. Raises `BadAnswer`."""
    kind, image_width, image_height, width, height, pages, length = ANSWER.unpack(data)
    if kind == _OUT_OF_MEMORY:
        return OutOfMemoryAnswer()
    if kind == _REFUSED and length <= _MAX_MESSAGE_BYTES:
        return RefusalAnswer(length)
    most = asked.max_side
    sizes_fit = 0 < image_width <= most and 0 < image_height <= most and 0 < width * height <= asked.max_pixels
    if kind != _PAGE or length or not sizes_fit or not 0 < pages <= MAX_PAGES:
        raise BadAnswer(f"{kind!r}: {image_width} x {image_height} of {width} x {height}, {pages} pages")
    return PageAnswer(image_width=image_width, image_height=image_height, width=width, height=height, pages=pages)
