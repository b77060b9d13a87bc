"""A file that is being decoded: an image to its page, a document to one page or to the number of its pages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.page import Page
from ocr_celery.decode.protocol import Operation, Request
from ocr_celery.errors import OcrError

#: the page, the error of the file, or None: cancelled before it was decoded
DecodeResult = Page | OcrError | None
#: of any job
JobResult = DecodeResult | DocumentInfo


@dataclass(eq=False, slots=True, kw_only=True)
class DecodeJob:
    """The state of one file from its submission to its result."""

    data: bytes = field(repr=False)  #: the image, or a document's path and password, see `protocol.pack_location`
    operation: Operation = Operation.IMAGE
    number: int = 1  #: of the page of a document, from 1
    with_text: bool = False
    expected: int  #: bytes of memory, estimated
    memory: int  #: bytes of memory that decoding may use
    done: Callable[[Any], None]  #: is given a `JobResult`; those who submit pages get a `DecodeResult`
    costly: bool = False
    seconds: float = 0.0  #: that children have spent on it
    deaths: int = 0  #: of children that were decoding it

    @property
    def is_document(self) -> bool:
        """Whether it is a document, of which nothing is known before it is opened."""
        return self.operation is not Operation.IMAGE

    def request(self, *, max_pixels: int, max_side: int, memory: int, seconds: float) -> Request:
        """The request to a child."""
        return Request(
            operation=self.operation,
            with_text=self.with_text,
            number=self.number,
            length=len(self.data),
            max_pixels=max_pixels,
            max_side=max_side,
            memory=memory,
            seconds=seconds,
        )


def document_job(
    operation: Operation,
    location: bytes,
    memory: int,
    done: Callable[..., None],
    *,
    number: int = 1,
    with_text: bool = False,
) -> DecodeJob:
    """A job for a document. `location`: see `protocol.pack_location`; `memory`: bytes for the first try."""
    return DecodeJob(
        data=location,
        operation=operation,
        number=number,
        with_text=with_text,
        expected=memory,
        memory=memory,
        done=done,
    )
