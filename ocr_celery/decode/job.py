"""A file on its way to a page."""

from collections.abc import Callable
from dataclasses import dataclass

from ocr_celery.core.page import Page
from ocr_celery.errors import OcrError

#: the page, why there is none, or None: it was given up and not decoded
Result = Page | OcrError | None


@dataclass(eq=False, slots=True, kw_only=True)
class Job:
    """What is known of it while it waits and is decoded."""

    data: bytes
    expected: int  #: bytes it is expected to take
    memory: int  #: bytes it may take
    done: Callable[[Result], None]
    costly: bool = False
    seconds: float = 0.0  #: that children have worked on it
    deaths: int = 0  #: of children that worked on it
