"""An engine that reads nothing and always answers the same for the same page: for tests and load.

Pages that enter together leave together after `seconds`, unless a `spread` makes them differ. The
answer follows from the picture's size and the page's own options only, so that a mix-up of pages
shows.
"""

import heapq
import math
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import EngineRequest, OnFailure, OnOutcomes, Outcome
from ocr_celery.errors import EngineFailed

_HOLD_CHECK_INTERVAL = 0.02  #: seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the engine does. The word lists name what happens to a page whose prompt contains one of them."""

    capacity: int  #: most pages inside at once
    seconds: float = 0.4  #: that a batch stays inside
    spread: float = 0.0  #: most seconds added to one page, by the width of its picture
    hold: str = ""  #: a folder; a page stays inside while a file there is named by the width of its picture
    fail: tuple[str, ...] = ()  #: it fails with EngineFailed
    loop: tuple[str, ...] = ()  #: its answer repeats itself until it is read with a temperature above 0
    hang: tuple[str, ...] = ()  #: it is never finished, and cannot be aborted
    kill: tuple[str, ...] = ()  #: it kills the process when it enters
    kill_early: tuple[str, ...] = ()  #: it kills the process when it is prepared
    breaks: tuple[str, ...] = ()  #: it makes the engine fail
    die_after: int = 0  #: pages after which the engine fails; 0 = never


@dataclass(order=True, slots=True)
class _RunningPage:
    """A page inside, in the order in which pages are finished."""

    finished_at: float
    number: int
    entered_at: float = field(compare=False)
    request: EngineRequest = field(compare=False)


class ScriptedEngine:
    """Implements `ocr_celery.engine.contract.Engine` by a script."""

    name = "scripted"
    model = "script"
    revision = "1"
    max_side = 1280  #: only the picture's size is looked at, so that a small one will do
    supports_reread = True

    def __init__(self, script: Script) -> None:
        self.script = script
        self.capacity = script.capacity
        self._changed = threading.Condition()
        self._running_pages: list[_RunningPage] = []  # a heap
        self._entered = 0
        self._finished = 0
        self._delivery = threading.RLock()  # held during a callback, so that none runs after `stop`
        self._running = False
        self._failed = False

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        """Start the thread; there is nothing to load."""
        self._on_outcomes = on_outcomes
        self._on_failure = on_failure
        self._running = True
        threading.Thread(target=self._run, name="scripted-engine", daemon=True).start()

    def prepare(self, page: Page, options: Options) -> None:  # noqa: ARG002 (pages need no preparation here)
        """Kill the process if the script says so; prepare nothing."""
        if _prompt_contains(options, self.script.kill_early):
            os.kill(os.getpid(), signal.SIGKILL)

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        """Take pages in."""
        now = time.monotonic()
        with self._changed:
            for request in requests:
                if _prompt_contains(request.options, self.script.kill):
                    os.kill(os.getpid(), signal.SIGKILL)
                self._entered += 1
                page = _RunningPage(self._finish_time(request, now), self._entered, now, request)
                heapq.heappush(self._running_pages, page)
            self._changed.notify()

    def abort(self, request_id: str) -> bool:
        """Drop a page, unless it hangs."""
        with self._changed:
            pages = [page for page in self._running_pages if page.request.id == request_id]
            hangs = any(page.finished_at == math.inf for page in pages)
            if not hangs:
                self._running_pages = [page for page in self._running_pages if page.request.id != request_id]
                heapq.heapify(self._running_pages)
        return not hangs

    def alive(self) -> bool:
        """Whether it was started and has neither failed nor been stopped."""
        return self._running and not self._failed

    def stop(self) -> None:
        """End the thread."""
        with self._delivery, self._changed:
            self._running = False
            self._changed.notify()

    def _run(self) -> None:
        while not self._failed:
            with self._changed:
                while self._running and not self._has_finished_page():
                    self._changed.wait(self._seconds_to_wait())
                if not self._running:
                    return
                outcomes = self._take_finished()
            with self._delivery:
                if self._running and outcomes:
                    self._deliver(outcomes)

    def _take_finished(self) -> list[Outcome]:
        now = time.monotonic()
        outcomes = []
        while self._has_finished_page():
            page = heapq.heappop(self._running_pages)
            if self._is_held(page.request):
                page.finished_at = now + _HOLD_CHECK_INTERVAL
                heapq.heappush(self._running_pages, page)
                continue
            result = self._result(page.request)
            outcomes.append(Outcome(id=page.request.id, result=result, seconds=now - page.entered_at))
            self._failed |= _prompt_contains(page.request.options, self.script.breaks)
        self._finished += len(outcomes)
        self._failed |= 0 < self.script.die_after <= self._finished
        return outcomes

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        if self._failed:
            self._on_failure(RuntimeError("the script says that the engine breaks here"))
        else:
            self._on_outcomes(outcomes)

    def _finish_time(self, request: EngineRequest, now: float) -> float:
        if _prompt_contains(request.options, self.script.hang):
            return math.inf
        return now + self.script.seconds + self.script.spread * (request.page.width % 100) / 100

    def _seconds_to_wait(self) -> float | None:
        """Until the next page is finished; None: until another enters."""
        if not self._running_pages or self._running_pages[0].finished_at == math.inf:
            return None
        return self._running_pages[0].finished_at - time.monotonic()

    def _has_finished_page(self) -> bool:
        return bool(self._running_pages) and self._running_pages[0].finished_at <= time.monotonic()

    def _is_held(self, request: EngineRequest) -> bool:
        return bool(self.script.hold) and Path(self.script.hold, str(request.page.width)).exists()

    def _result(self, request: EngineRequest) -> Reading | EngineFailed:
        options, page = request.options, request.page
        if _prompt_contains(options, self.script.fail):
            return EngineFailed("The script says that this page fails.")
        text = f"page of {page.width} x {page.height}, {options.prompt.removeprefix('<image>').strip()}"
        if _prompt_contains(options, self.script.loop) and options.temperature == 0:
            text += " and so on" * 100
        all_words = text.split()
        words = all_words[: options.max_tokens]
        return Reading(
            text=" ".join(words),
            finish_reason="length" if len(words) < len(all_words) else "stop",
            prompt_tokens=len(options.prompt.split()),
            output_tokens=len(words),
        )


def _prompt_contains(options: Options, words: Sequence[str]) -> bool:
    return any(word in options.prompt for word in words)
