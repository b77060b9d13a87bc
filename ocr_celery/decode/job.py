"""A file that is being decoded to a page."""

from collections.abc import Callable
from dataclasses import dataclass

from ocr_celery.core.page import Page
from ocr_celery.errors import OcrError

#: the page, the error of the file, or None: cancelled before it was decoded
Result = Page | OcrError | None


@dataclass(eq=False, slots=True, kw_only=True)
class Job:
    """The state of one file from `DecoderPool.submit` to its result."""

    data: bytes
    expected: int  #: bytes of memory, estimated
    memory: int  #: bytes of memory that decoding may use
    done: Callable[[Result], None]
    costly: bool = False
    seconds: float = 0.0  #: that children have spent on it
    deaths: int = 0  #: of children that were decoding it
