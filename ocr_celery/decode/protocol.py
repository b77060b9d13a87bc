"""What passes between the worker and a child: a request and its file in, an answer and its pixels out, lengths in front.

A child has met a stranger's bytes and may say anything: its answer is checked in every field before anything is read or
made room for by it.
"""

import struct
from dataclasses import dataclass

from ocr_celery import errors
from ocr_celery.errors import OcrError

READY = b"ready"  #: a child's first words
REQUEST = struct.Struct("!QQQQd")
ANSWER = struct.Struct("!cIIIIII")
_PAGE, _REFUSED, _OUT_OF_MEMORY = b"P", b"R", b"M"
_MAX_MESSAGE_BYTES = 400  #: bytes of a sentence
MAX_PAGES = 10_000  #: a file of more is said to have this many
_REFUSALS = ("Unreadable", "NotAnImage", "EmptyFile", "PdfNotSupported", "TooManyPixels", "PageTooCostly")


class BadAnswer(Exception):
    """The child does not keep to this protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a child is asked, in front of the file itself."""

    length: int  #: bytes of the file
    max_pixels: int  #: of the picture as stored
    max_side: int  #: pixels of the answer's longer side
    memory: int  #: bytes that decoding may take
    seconds: float  #: of CPU time; the worker looks after the rest

    def pack(self) -> bytes:
        """As it is sent."""
        return REQUEST.pack(self.length, self.max_pixels, self.max_side, self.memory, self.seconds)


def parse_request(data: bytes) -> Request:
    """The request in these `REQUEST.size` bytes."""
    length, max_pixels, max_side, memory, seconds = REQUEST.unpack(data)
    return Request(length=length, max_pixels=max_pixels, max_side=max_side, memory=memory, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAnswer:
    """A page, whose pixels follow: RGB, three bytes each, row by row without gaps."""

    image_width: int  #: pixels of the picture that follows
    image_height: int
    width: int  #: pixels of the upright page before any scaling
    height: int
    pages: int  #: in the file

    @property
    def length(self) -> int:
        """Bytes of its pixels."""
        return 3 * self.image_width * self.image_height

    def pack(self) -> bytes:
        """As it is sent."""
        return ANSWER.pack(_PAGE, self.image_width, self.image_height, self.width, self.height, self.pages, 0)


@dataclass(frozen=True, slots=True)
class RefusalAnswer:
    """There is no page in this file; the name and the sentence of the error follow."""

    length: int

    def error(self, data: bytes) -> OcrError:
        """The error in these bytes. Raises `BadAnswer`."""
        name, _, message = data.decode("utf-8", "replace").partition(":")
        if name not in _REFUSALS or not message.isprintable():
            raise BadAnswer(f"the error {name!r}")
        return errors.BY_NAME[name](message)


@dataclass(frozen=True, slots=True)
class OutOfMemoryAnswer:
    """The memory did not suffice."""


def pack_refusal(error: OcrError) -> bytes:
    """The answer that says it, whole."""
    text = f"{type(error).__name__}:{error.message}".encode()[:_MAX_MESSAGE_BYTES]
    return ANSWER.pack(_REFUSED, 0, 0, 0, 0, 0, len(text)) + text


def pack_out_of_memory() -> bytes:
    """The answer that says it, whole."""
    return ANSWER.pack(_OUT_OF_MEMORY, 0, 0, 0, 0, 0, 0)


def parse_answer(data: bytes, asked: Request) -> PageAnswer | RefusalAnswer | OutOfMemoryAnswer:
    """The answer in these `ANSWER.size` bytes, to what was asked. Raises `BadAnswer`."""
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
