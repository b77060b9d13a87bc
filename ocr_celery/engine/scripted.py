"""An engine that reads nothing and always says the same of the same page: for tests, load and trying things out.

A batch that enters together leaves together after `seconds`, unless a `spread` makes its pages differ. What it answers
follows from the picture's size and the page's own options alone, so that a mix-up of pages shows.
"""

import heapq
import math
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import EngineRequest, OnFailure, OnOutcomes, Outcome
from ocr_celery.errors import EngineFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What it does."""

    capacity: int  #: most pages inside
    seconds: float = 0.4  #: that a batch stays inside
    spread: float = 0.0  #: most seconds added to one page, by the width of its picture
    fail: tuple[str, ...] = ()  #: a page whose prompt contains one of these words fails with EngineFailed
    loop: tuple[str, ...] = ()  #: … goes in circles until it is read with a temperature above 0
    hang: tuple[str, ...] = ()  #: … never comes out, and cannot be aborted
    kill: tuple[str, ...] = ()  #: … kills the process
    kill_early: tuple[str, ...] = ()  #: … kills the process that prepares it
    breaks: tuple[str, ...] = ()  #: … breaks the engine
    die_after: int = 0  #: pages after which the engine breaks; 0 = never


class ScriptedEngine:
    """See `ocr_celery.engine.Engine`."""

    name = "scripted"
    model = "script"
    max_side = 1280  #: as of the real ones
    supports_reread = True

    def __init__(self, script: Script) -> None:
        self.script = script
        self.capacity = script.capacity
        self._changed = threading.Condition()
        self._inside: list[tuple[float, int, float, EngineRequest]] = []  # a heap by when the page is done
        self._entered = self._finished_pages = 0
        self._delivery = threading.RLock()  # held while a callback runs, so that none runs after `stop`
        self._running = self._broke = False

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        """Begin; nothing to load."""
        self._on_outcomes, self._on_failure, self._running = on_outcomes, on_failure, True
        threading.Thread(target=self._read, name="scripted-engine", daemon=True).start()

    def prepare(self, page: Page, options: Options) -> None:  # noqa: ARG002 (what it shows is all the same here)
        """Nothing, as a rule."""
        if _says(options, self.script.kill_early):
            os.kill(os.getpid(), signal.SIGKILL)

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        """Take pages in."""
        now = time.monotonic()
        with self._changed:
            for request in requests:
                if _says(request.options, self.script.kill):
                    os.kill(os.getpid(), signal.SIGKILL)
                done = now + self.script.seconds + self.script.spread * (request.page.width % 100) / 100
                if _says(request.options, self.script.hang):
                    done = math.inf
                self._entered += 1
                heapq.heappush(self._inside, (done, self._entered, now, request))
            self._changed.notify()

    def abort(self, request_id: str) -> bool:
        """Forget a page."""
        with self._changed:
            hangs = any(entry[3].id == request_id and entry[0] == math.inf for entry in self._inside)
            if not hangs:
                self._inside = [entry for entry in self._inside if entry[3].id != request_id]
                heapq.heapify(self._inside)
        return not hangs

    def alive(self) -> bool:
        """Until it broke or was stopped."""
        return self._running and not self._broke

    def stop(self) -> None:
        """End the reading thread."""
        with self._delivery, self._changed:
            self._running = False
            self._changed.notify()

    def _read(self) -> None:
        while True:
            with self._changed:
                while self._running and not self._due():
                    self._changed.wait(self._next_in())
                if not self._running:
                    return
                now, out = time.monotonic(), []
                while self._due():
                    _, _, entered, request = heapq.heappop(self._inside)
                    out.append(Outcome(id=request.id, result=self._result(request), seconds=now - entered))
                    self._broke |= _says(request.options, self.script.breaks)
                self._finished_pages += len(out)
                self._broke |= 0 < self.script.die_after <= self._finished_pages
            with self._delivery:
                if self._running:
                    self._say(out)
            if self._broke:
                return

    def _say(self, out: Sequence[Outcome]) -> None:
        if self._broke:
            self._on_failure(RuntimeError("the script says that the engine breaks here"))
        else:
            self._on_outcomes(out)

    def _next_in(self) -> float | None:
        """Seconds until a page is done; None: another must enter first."""
        if not self._inside or self._inside[0][0] == math.inf:
            return None
        return self._inside[0][0] - time.monotonic()

    def _due(self) -> bool:
        return bool(self._inside) and self._inside[0][0] <= time.monotonic()

    def _result(self, request: EngineRequest) -> Reading | EngineFailed:
        options, page = request.options, request.page
        if _says(request.options, self.script.fail):
            return EngineFailed("The script says that this page fails.")
        text = f"page of {page.width} x {page.height}, {options.prompt.removeprefix('<image>').strip()}"
        if _says(request.options, self.script.loop) and options.temperature == 0:
            text += " and so on" * 100
        words = text.split()[: options.max_tokens]
        return Reading(
            text=" ".join(words),
            finish_reason="length" if len(words) < len(text.split()) else "stop",
            prompt_tokens=len(options.prompt.split()),
            output_tokens=len(words),
        )


def _says(options: Options, words: Sequence[str]) -> bool:
    return any(word in options.prompt for word in words)
