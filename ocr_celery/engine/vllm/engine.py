"""DeepSeek-OCR behind the engine contract: vLLM lives on an event loop in a thread of its own, one coroutine a page.

A page that fails is that page's outcome. When a process of vLLM dies, or makes no step while pages are inside, the engine
is broken: the synchronous API of vLLM would wait for ever in both cases.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from ocr_celery import privacy
from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.prompts import FREE_OCR
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import EngineRequest, OnFailure, OnOutcomes, Outcome
from ocr_celery.engine.vllm import tiling
from ocr_celery.engine.vllm.process_reaper import Leash
from ocr_celery.engine.vllm.watchdog import Watchdog
from ocr_celery.errors import EngineFailed, OcrError

if TYPE_CHECKING:
    from ocr_celery.engine.vllm.model import Llm, Prepared

log = logging.getLogger(__name__)

_LOOK = 0.2  # seconds between two looks at the engine
_LAST_WORDS = 3.0  # seconds for an orderly end
_SOCKETS = "VLLM_RPC_BASE_PATH"  # the folder that vLLM makes them in
_ENVIRONMENT = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a worker has threads, and a fork would keep the leash's pipe open
    "VLLM_USE_V2_MODEL_RUNNER": "0",  # the newer one refuses the n-gram guard
    "VLLM_LOGGING_LEVEL": "WARNING",
    # its processes are of one machine; else it finds an address to listen on by a connection to 8.8.8.8
    "VLLM_HOST_IP": "127.0.0.1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What to load, and how much of the machine it may take."""

    path: str  #: a name on the Hugging Face hub or a folder
    capacity: int  #: most pages inside at once
    max_tokens: int  #: tokens of prompt, picture and answer together
    memory: float  #: part of the GPU's memory, 0 to 1
    gpus: int  #: that one model is spread over
    caches: Path | None = None  #: the folder to keep in what is compiled; none: where vLLM has it


def prepare_environment() -> None:
    """What vLLM must find in the environment when it is imported; what is set already stays."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


class EngineDied(Exception):
    """A process of vLLM died or hangs."""


class DeepseekEngine:
    """See `ocr_celery.engine.Engine`. `watchdog`: seconds without a step, with pages inside, until it counts as hung."""

    name = "vllm"
    max_side = tiling.FIRST.longest  #: until a model is loaded that sees otherwise
    supports_reread = True

    def __init__(self, model: Model, *, watchdog: float) -> None:
        self.capacity = model.capacity
        self.model = Path(model.path).resolve().name if Path(model.path).is_dir() else model.path
        self.mark = ""  #: of the processes it started, see `leash.held_by`
        self._wanted = model
        self._watchdog = Watchdog(max(1, round(watchdog / _LOOK)))
        self._delivery = threading.RLock()  # held while a callback runs, so that none runs after `stop`
        self._running = False
        self._pages: dict[str, asyncio.Task[None]] = {}
        self._llm: Llm | None = None
        self._leash: Leash | None = None

    # -- the contract, called from the worker's threads ------------------------------------------------------------------

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        """Load the model and read a page. Raises what vLLM raises, `ImportError` where it is not installed."""
        self._on_outcomes, self._on_failure = on_outcomes, on_failure
        warm: Future[None] = Future()
        self._leash = Leash()
        self.mark = self._leash.mark
        self._thread = threading.Thread(target=asyncio.run, args=[self._live(warm)], name="vllm-engine", daemon=True)
        self._thread.start()
        try:
            warm.result()
        except BaseException:
            self.stop()
            raise

    def prepare(self, page: Page, options: Options) -> "Prepared | None":
        """Cut it into tiles and tokens. Raises `PromptTooLong`, `Unreadable`, `EngineFailed`."""
        assert self._llm is not None
        try:
            return asyncio.run_coroutine_threadsafe(self._llm.prepare(page.image, options), self._loop).result()
        except OcrError:
            raise
        except Exception:
            if not self.alive():
                return None  # no page's own trouble: it goes back with all others
            log.exception("a page could not be prepared")
            raise EngineFailed from None

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        """Take pages in."""
        self._soon(self._begin, tuple(requests))

    def abort(self, request_id: str) -> bool:
        """Stop reading a page; vLLM gives its place to another in its next step."""
        self._soon(self._cancel, request_id)
        return True

    def alive(self) -> bool:
        """Whether all of vLLM's processes are there."""
        return self._running and self._llm is not None and not self._llm.dead

    def stop(self) -> None:
        """End vLLM's processes: in order if they do it at once."""
        with self._delivery:
            self._running = False
        if self._leash is None:
            return
        if self._llm is not None:
            self._soon(self._end.set)
            self._thread.join(_LAST_WORDS)
        self._leash.pull()
        self._thread.join(_LAST_WORDS)
        self._leash = None

    def _soon(self, call: Callable[..., object], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the engine was stopped
            self._loop.call_soon_threadsafe(call, *args)

    # -- life, in the event loop -----------------------------------------------------------------------------------------

    async def _live(self, warm: "Future[None]") -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            self._llm = self._load()
            self.max_side = self._llm.sight.longest
            await self._warm_up(self._llm)
        except BaseException as error:
            warm.set_exception(error)
        else:
            self._running = True
            warm.set_result(None)
            await self._watch(self._llm)
        for task in tuple(self._pages.values()):
            task.cancel()
        if self._llm is not None:
            self._llm.shut_down()

    def _load(self) -> "Llm":
        prepare_environment()
        privacy.stay_offline(self._wanted.path)
        if self._wanted.caches is not None:
            privacy.set_cache_folders(self._wanted.caches)
        from ocr_celery.engine.vllm.model import Llm

        assert self._leash is not None
        given = os.environ.get(_SOCKETS)
        os.environ[_SOCKETS] = given or self._leash.folder  # else they stay behind when vLLM is killed
        try:
            with self._leash.held():
                return Llm(self._wanted)
        finally:
            if not given:
                del os.environ[_SOCKETS]

    @staticmethod
    async def _warm_up(llm: "Llm") -> None:
        # large enough to be cut into tiles, so that all that reads a page has run once
        page = Image.new("RGB", (2 * llm.sight.tile, 2 * llm.sight.tile), "white")
        options = Options(prompt=FREE_OCR, max_tokens=8)
        await llm.read("warm-up", await llm.prepare(page, options), options)

    async def _watch(self, llm: "Llm") -> None:
        """Until the engine is stopped."""
        while not self._end.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), _LOOK)
            if llm.dead:
                self._break("a process of vLLM died")
            elif self._watchdog.hung(pages=len(self._pages), steps=llm.steps):
                self._break(f"vLLM hangs: {len(self._pages)} pages inside, and no step for too long")

    # -- pages, in the event loop ----------------------------------------------------------------------------------------

    def _begin(self, requests: Sequence[EngineRequest]) -> None:
        assert self._llm is not None
        for request in requests:
            task = self._loop.create_task(self._read(self._llm, request))
            self._pages[request.id] = task
            task.add_done_callback(partial(self._left, request.id))

    def _left(self, request_id: str, task: "asyncio.Task[None]") -> None:
        if self._pages.get(request_id) is task:
            del self._pages[request_id]

    def _cancel(self, request_id: str) -> None:
        if request_id in self._pages:
            self._pages[request_id].cancel()

    async def _read(self, llm: "Llm", request: EngineRequest) -> None:
        began = time.monotonic()
        result: Reading | OcrError
        try:
            prepared = request.prepared or await llm.prepare(request.page.image, request.options)
            result = await llm.read(request.id, prepared, request.options)
        except OcrError as error:
            result = error
        except Exception:
            if llm.dead:
                return  # no page's own trouble, and said where the engine is watched
            log.exception("a page could not be read")
            result = EngineFailed()
        self._deliver(Outcome(id=request.id, result=result, seconds=time.monotonic() - began))

    # -- what is said to the worker --------------------------------------------------------------------------------------

    def _deliver(self, outcome: Outcome) -> None:
        with self._delivery:
            if self._running:
                self._on_outcomes([outcome])

    def _break(self, why: str) -> None:
        with self._delivery:
            if self._running:
                self._running = False
                self._on_failure(EngineDied(why))
