"""The engine contract: pages go in, and their outcomes come out as they finish, in any order.

A worker process has one engine. `prepare` is called from many threads at once, every other method
from one thread at a time. Callbacks may come from any thread, but not from inside `enter` or `abort`.
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
    """A page to be read by the engine."""

    id: str  #: unique among the pages that are inside at the same time
    page: Page
    options: Options  #: of this page; pages of one batch may differ
    prepared: Any = None  #: the result of `Engine.prepare`; None: the engine prepares the page itself


class EngineUnavailable(Exception):
    """The engine cannot be reached now, as a remote one may be: not this page's fault.

    As the result of an outcome: the page waits for `retry_after` seconds and enters again, or is requeued if the worker stops.
    It costs no strike, and the worker stays.
    """

    def __init__(self, retry_after: float = 5.0) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one request: a reading, or an error of this page that affects no other."""

    id: str  #: of the request
    result: Reading | OcrError | EngineUnavailable
    seconds: float  #: that the engine worked on this page


OnOutcomes = Callable[[Sequence[Outcome]], None]
OnFailure = Callable[[BaseException], None]


class Engine(Protocol):
    """Reads pages. Trouble with one page is an `Outcome` with an error; the engine's own goes to `on_failure`."""

    name: str  #: as in the result, e.g. "rapidocr"
    model: str  #: as in the result, e.g. "PP-OCRv6"
    revision: str  #: exactly which model, read by which programs; known once it is started. "": not known
    capacity: int  #: most pages inside at once
    max_side: int  #: pixels; pictures with a longer side are scaled down while they are prepared
    supports_reread: bool  #: whether reading a page again with other options may give another result

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        """Load the model and read a first page, which is slower than all others; return when the engine is warm.

        `on_outcomes` is called as pages finish, once for those that finish at the same moment.
        `on_failure` is called at most once, when the engine can read no more. Raises on failure to
        load.
        """

    def prepare(self, page: Page, options: Options) -> Any:
        """Do what can be done before the page has a slot, so that slots are not idle meanwhile.

        The result goes into `EngineRequest.prepared`. It is used again when the page is read again
        with another temperature or repetition guard. Raises the page's `OcrError`.
        """

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        """Take these pages in and return at once. Never more than `capacity` pages are inside."""

    def abort(self, request_id: str) -> bool:
        """Stop reading this page, if it is inside. Returns whether its slot is free now.

        Its outcome may still be delivered.
        """

    def alive(self) -> bool:
        """Whether the engine can read pages; quick, called every second."""

    def stop(self) -> None:
        """Release everything without waiting for pages. No callback is called after it returns."""
