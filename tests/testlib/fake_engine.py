"""An engine, a clock and crash marks that a test moves by hand: what the scheduler works with, without a thread."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from redis.exceptions import ConnectionError as RedisDown

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.quarantine import Cause, RunMode
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import EngineRequest, OnFailure, OnOutcomes, Outcome
from ocr_celery.message import IMAGE


@dataclass
class FakeClock:
    """Seconds, which pass only when they are added."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


class FakeEngine:
    """Holds the pages that entered until a test lets them out."""

    name, model, revision, max_side, supports_reread = "fake", "none", "1", 1280, True

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.entered: list[list[str]] = []
        self.requests: dict[str, EngineRequest] = {}
        self.can_abort = self.is_alive = True
        self.fails_on_enter: Exception | None = None
        self.fails_to_prepare: Exception | None = None

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        self.on_outcomes, self.on_failure = on_outcomes, on_failure

    def prepare(self, page: Page, options: Options) -> Any:  # noqa: ARG002
        if self.fails_to_prepare:
            raise self.fails_to_prepare
        return "prepared"

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        if self.fails_on_enter:
            raise self.fails_on_enter
        self.entered.append([request.id for request in requests])
        self.requests |= {request.id: request for request in requests}

    def abort(self, id: str) -> bool:
        if self.can_abort:
            self.requests.pop(id, None)
        return self.can_abort

    def alive(self) -> bool:
        return self.is_alive

    def stop(self) -> None:
        self.is_alive = False

    def outcome(self, id: str, text: str = "text", seconds: float = 1.0) -> Outcome:
        """Take a page out, with a reading of it."""
        self.requests.pop(id, None)
        reading = Reading(text=text, finish_reason="stop", prompt_tokens=1, output_tokens=1)
        return Outcome(id=id, result=reading, seconds=seconds)


@dataclass
class FakeMarks:
    """Crash marks without a Redis."""

    marked: dict[str, RunMode] = field(default_factory=dict)
    strikes: list[tuple[list[str], Cause]] = field(default_factory=list)
    is_down: bool = False

    def _reach(self) -> None:
        if self.is_down:
            raise RedisDown("no Redis")

    def mark(self, ids: Sequence[str], mode: RunMode = RunMode.SHARED) -> None:
        self._reach()
        self.marked |= dict.fromkeys(ids, mode)

    def clear(self, ids: Sequence[str]) -> None:
        self._reach()
        for id in ids:
            self.marked.pop(id, None)

    def clear_all(self) -> None:
        self._reach()
        self.marked.clear()

    def add_strikes(self, cause: Cause) -> int:
        self._reach()
        self.strikes.append((sorted(self.marked), cause))
        return len(self.marked)

    def convict(self, id: str, cause: Cause) -> None:
        self._reach()
        self.strikes.append(([id], cause))


@dataclass(eq=False)
class FakeRequest:
    """Celery's request of one page."""

    id: str
    type: str = IMAGE
    is_revoked: bool = False
    ignore_result: bool = True
    delivery_info: dict[str, Any] = field(default_factory=dict)
    _already_revoked: bool = False

    def revoked(self) -> bool:
        return self.is_revoked


def ready_page(id: str, *, quarantined: bool = False, solo_strikes: int = 0) -> PageRun:
    """A page that waits for the engine; of one in quarantine the engine has prepared nothing yet."""
    run = PageRun(FakeRequest(id), None, (), lambda *_: None, None)
    image = Image.new("RGB", (8, 8))
    page = Page(image=image, width=8, height=8)
    run.options = Options(prompt="<image>")
    run.quarantined, run.solo_strikes = quarantined, solo_strikes
    if quarantined:
        run.decoded = page
    else:
        run.page = page
    return run
