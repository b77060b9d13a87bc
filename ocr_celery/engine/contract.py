"""The engine contract: pages go in, outcomes come out one by one as they finish, in any order.

An engine lives in a worker process, one per process. Its calls come from one thread, but for `prepare`, which is called
from many at once; its two callbacks may come from any thread and must not be called from inside `enter` or `abort`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.errors import OcrError


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequest:
    """A page inside the engine."""

    id: str  #: unique among the pages that are inside at the same time
    page: Page
    options: Options  #: this page's own, never a neighbour's
    prepared: Any = None  #: what `Engine.prepare` made of it; None: it is made when the page enters


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How the page in one request ended: a reading, or the error that is this page's alone."""

    id: str
    result: Reading | OcrError
    seconds: float  #: how long the engine worked on this page


OnOutcomes = Callable[[Sequence[Outcome]], None]
OnFailure = Callable[[BaseException], None]


class Engine(Protocol):
    """Reads pages. One page's trouble is an `Outcome` with an error; trouble of the engine itself goes to `broken`."""

    name: str  #: as in the result, e.g. "rapidocr"
    model: str  #: as in the result, e.g. "PP-OCRv6"
    capacity: int  #: most pages inside at once
    max_side: int  #: pixels; pictures with a longer side are scaled down while they are prepared
    supports_reread: bool  #: whether a page that is read again with other options may come out otherwise

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        """Load the model and read one page of its own, so that the first page of a user is not the first ever.

        Blocks until the engine is warm. `finished` is called with outcomes as they come, those that are done at the same
        moment together. `broken` is called at most once, when the engine can read no more. Raises on failure to load.
        """

    def prepare(self, page: Page, options: Options) -> Any:
        """What can be done before a page has a place, so that no place is empty meanwhile. Raises the page's `OcrError`.

        The request of that page carries what this returns, also when it is read again with another guard and temperature.
        """

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        """Take these pages in and return at once. Never more than `capacity` are inside."""

    def abort(self, request_id: str) -> bool:
        """Stop reading this page if it is inside. Its outcome may still come; nobody minds. Whether its place is free now."""

    def alive(self) -> bool:
        """Whether it can read; quick, asked every second."""

    def stop(self) -> None:
        """Let go of everything, at once. No callback is called after it returns."""
