"""A running engine with a record of its callbacks, for the tests of engines."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image

from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import Engine, EngineRequest, Outcome

T = TypeVar("T")


def until(condition: Callable[[], T], *, timeout: float = 60, what: str = "") -> T:
    """Wait until the condition gives something true, and return it."""
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {timeout} s: {what or condition}"
        time.sleep(0.005)
    return value


def engine_request(id: str, image: Image.Image, prompt: str, **options: float) -> EngineRequest:
    """A request whose page was not scaled."""
    page = Page(image=image, width=image.width, height=image.height)
    return EngineRequest(id=id, page=page, options=Options(prompt=prompt, **options))  # type: ignore[arg-type]


class EngineProbe:
    """Starts the engine and records its outcomes and failures."""

    def __init__(self, engine: Engine, *, timeout: float = 60) -> None:
        """`timeout`: seconds that a page may take."""
        self.engine, self._timeout = engine, timeout
        self.outcomes: list[Outcome] = []  # in the order of their delivery
        self.failures: list[BaseException] = []
        self.before_outcomes: Callable[[], None] = lambda: None  # called at the start of each `on_outcomes`
        before = set(threading.enumerate())
        engine.start(self._on_outcomes, self.failures.append)
        self.threads = set(threading.enumerate()) - before

    def _on_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self.before_outcomes()
        self.outcomes.extend(outcomes)

    @property
    def order(self) -> list[str]:
        return [outcome.id for outcome in self.outcomes]

    def outcome(self, id: str) -> Outcome:
        """The one outcome of this page, once it is there."""
        until(lambda: id in self.order or self.failures, timeout=self._timeout, what=f"an outcome of {id}")
        assert not self.failures
        (found,) = (outcome for outcome in self.outcomes if outcome.id == id)
        return found

    def reading(self, id: str) -> Reading:
        result = self.outcome(id).result
        assert isinstance(result, Reading), result
        return result

    def read(self, *requests: EngineRequest) -> list[Reading]:
        """These pages, entered together and all read."""
        self.engine.enter(requests)
        return [self.reading(s.id) for s in requests]
