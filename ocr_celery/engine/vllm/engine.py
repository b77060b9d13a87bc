"""DeepSeek-OCR behind the engine contract: vLLM runs on an event loop in one thread, one coroutine a page.

A page that fails is that page's outcome. The engine fails when a process of vLLM dies, or makes no
step while pages are inside; vLLM's synchronous API would wait without end in both cases.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
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
from ocr_celery.engine.vllm.config import VllmConfig
from ocr_celery.engine.vllm.environment import default_socket_dir, prepare_environment
from ocr_celery.engine.vllm.process_reaper import ProcessReaper
from ocr_celery.engine.vllm.watchdog import Watchdog
from ocr_celery.errors import EngineFailed, OcrError

if TYPE_CHECKING:
    from ocr_celery.engine.vllm.model import PreparedPage, VllmModel

log = logging.getLogger(__name__)

_POLL_INTERVAL = 0.2  # seconds between two checks of vLLM's processes
_STOP_TIMEOUT = 3.0  # seconds given to an orderly end


class EngineDied(Exception):
    """A process of vLLM died or hangs."""


class VllmEngine:
    """Implements `ocr_celery.engine.contract.Engine`.

    `watchdog`: after so many seconds without a step, with pages inside, it counts as hung.
    """

    name = "vllm"
    revision = ""  #: until a model is loaded
    max_side = tiling.DEEPSEEK_OCR.max_useful_side  #: until a model with other tiles is loaded
    supports_reread = True

    def __init__(self, config: VllmConfig, *, watchdog: float) -> None:
        self.capacity = config.capacity
        self.model = Path(config.path).resolve().name if Path(config.path).is_dir() else config.path
        self.process_tag = ""  #: of the processes that it started, see `process_reaper.tagged_pids`
        self._config = config
        self._watchdog = Watchdog(max(1, round(watchdog / _POLL_INTERVAL)))
        self._delivery = threading.RLock()  # held during a callback, so that none runs after `stop`
        self._running = False
        self._pages: dict[str, asyncio.Task[None]] = {}
        self._loaded_model: VllmModel | None = None
        self._reaper: ProcessReaper | None = None

    # -- the contract: called from the worker's threads --------------------------------------------

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        """Load the model and read a page. Raises `ImportError` where vLLM is not installed, and what vLLM raises."""
        self._on_outcomes, self._on_failure = on_outcomes, on_failure
        loaded: Future[None] = Future()
        self._reaper = ProcessReaper()
        self.process_tag = self._reaper.tag
        self._thread = threading.Thread(target=asyncio.run, args=[self._run(loaded)], name="vllm-engine", daemon=True)
        self._thread.start()
        try:
            loaded.result()
        except BaseException:
            self.stop()
            raise

    def prepare(self, page: Page, options: Options) -> "PreparedPage | None":
        """Cut the page into tiles and tokens. Raises `PromptTooLong`, `Unreadable`, `EngineFailed`."""
        assert self._loaded_model is not None
        try:
            return asyncio.run_coroutine_threadsafe(
                self._loaded_model.prepare(page.image, options), self._loop
            ).result()
        except OcrError:
            raise
        except Exception:
            if not self.alive():
                return None  # the engine's trouble: the page goes back with all others
            log.exception("vLLM could not prepare a page")
            raise EngineFailed from None

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        """Take pages in."""
        self._call_in_loop(self._start_reading, tuple(requests))

    def abort(self, request_id: str) -> bool:
        """Stop reading a page. vLLM frees its slot in its next step."""
        self._call_in_loop(self._cancel, request_id)
        return True

    def alive(self) -> bool:
        """Whether all of vLLM's processes are running."""
        return self._running and self._loaded_model is not None and not self._loaded_model.is_dead

    def stop(self) -> None:
        """End vLLM's processes: in order if that takes a moment, else by killing them."""
        with self._delivery:
            self._running = False
        if self._reaper is None:
            return
        if self._loaded_model is not None:
            self._call_in_loop(self._stop_requested.set)
            self._thread.join(_STOP_TIMEOUT)
        self._reaper.kill_tagged()
        self._thread.join(_STOP_TIMEOUT)
        self._reaper = None

    def _call_in_loop(self, call: Callable[..., object], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed after a stop
            self._loop.call_soon_threadsafe(call, *args)

    # -- loading and watching: in the event loop ---------------------------------------------------

    async def _run(self, loaded: "Future[None]") -> None:
        self._loop, self._stop_requested = asyncio.get_running_loop(), asyncio.Event()
        try:
            self._loaded_model = self._load_model()
            self.max_side = self._loaded_model.tiling.max_useful_side
            self.revision = self._loaded_model.revision
            await self._warm_up(self._loaded_model)
        except BaseException as error:
            loaded.set_exception(error)
        else:
            self._running = True
            loaded.set_result(None)
            await self._watch(self._loaded_model)
        for task in tuple(self._pages.values()):
            task.cancel()
        if self._loaded_model is not None:
            self._loaded_model.shut_down()

    def _load_model(self) -> "VllmModel":
        prepare_environment()
        privacy.stay_offline(self._config.path)
        if self._config.cache_dir is not None:
            privacy.set_cache_folders(self._config.cache_dir)
        from ocr_celery.engine.vllm.model import VllmModel

        assert self._reaper is not None
        with default_socket_dir(self._reaper.temp_dir), self._reaper.tag_children():
            return VllmModel(self._config)

    @staticmethod
    async def _warm_up(model: "VllmModel") -> None:
        # large enough to be cut into tiles, so that all code of a page has run once
        page = Image.new("RGB", (2 * model.tiling.tile_size, 2 * model.tiling.tile_size), "white")
        options = Options(prompt=FREE_OCR, max_tokens=8)
        await model.read("warm-up", await model.prepare(page, options), options)

    async def _watch(self, model: "VllmModel") -> None:
        """Report the death or the hang of vLLM; return when the engine is stopped."""
        while not self._stop_requested.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop_requested.wait(), _POLL_INTERVAL)
            if model.is_dead:
                self._fail("a process of vLLM died")
            elif self._watchdog.is_hung(pages=len(self._pages), steps=model.steps):
                self._fail(f"vLLM hangs: no step for too long with {len(self._pages)} pages inside")

    # -- pages: in the event loop ------------------------------------------------------------------

    def _start_reading(self, requests: Sequence[EngineRequest]) -> None:
        assert self._loaded_model is not None
        for request in requests:
            task = self._loop.create_task(self._read_page(self._loaded_model, request))
            self._pages[request.id] = task
            task.add_done_callback(partial(self._forget_task, request.id))

    def _forget_task(self, request_id: str, task: "asyncio.Task[None]") -> None:
        if self._pages.get(request_id) is task:
            del self._pages[request_id]

    def _cancel(self, request_id: str) -> None:
        if request_id in self._pages:
            self._pages[request_id].cancel()

    async def _read_page(self, model: "VllmModel", request: EngineRequest) -> None:
        started_at = time.monotonic()
        result: Reading | OcrError
        try:
            prepared = request.prepared or await model.prepare(request.page.image, request.options)
            result = await model.read(request.id, prepared, request.options)
        except OcrError as error:
            result = error
        except Exception:
            if model.is_dead:
                return  # the engine's trouble, which `_watch` reports
            log.exception("unexpected error in the engine: task %s", request.id)
            result = EngineFailed()
        self._deliver(Outcome(id=request.id, result=result, seconds=time.monotonic() - started_at))

    # -- callbacks ---------------------------------------------------------------------------------

    def _deliver(self, outcome: Outcome) -> None:
        with self._delivery:
            if self._running:
                self._on_outcomes([outcome])

    def _fail(self, why: str) -> None:
        with self._delivery:
            if self._running:
                self._running = False
                self._on_failure(EngineDied(why))
