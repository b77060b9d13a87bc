"""The CPU engine: PP-OCRv6 through rapidocr, its weights from the wheel, one thread for each page at once."""

import ctypes
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.prompts import wants_blocks
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import EngineRequest, OnFailure, OnOutcomes, Outcome
from ocr_celery.errors import EngineFailed

if TYPE_CHECKING:
    from ocr_celery.engine.rapid.models import RapidOcrModels

log = logging.getLogger(__name__)

_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  #: of malloc.h
_MAPPED = 4 * 1024 * 1024  #: bytes; larger blocks are the system's again as soon as they are freed


class RapidEngine:
    """Implements `ocr_celery.engine.contract.Engine`; reads `threads` pages at once."""

    name = "rapidocr"
    model = "PP-OCRv6"
    revision = ""  #: until it is started
    max_side = 1920  #: more than the detector looks at: lines are cut out and read at this size
    supports_reread = False

    def __init__(self, threads: int, *, runtime: str = "onnxruntime", cache_dir: Path | None = None) -> None:
        """`runtime`: a runtime's name, or `auto`, which tries them out and remembers it in `cache_dir`."""
        self.capacity = threads
        self._runtime, self._cache_dir = runtime, cache_dir
        self._changed = threading.Condition()
        self._waiting: deque[EngineRequest] = deque()
        self._delivery = threading.RLock()  # held during a callback, so that none runs after `stop`
        self._running = False
        self._readers: list[threading.Thread] = []

    def start(self, on_outcomes: OnOutcomes, on_failure: OnFailure) -> None:
        """Load the models, read a line, start the threads.

        Raises `ImportError` where rapidocr is not installed, and what rapidocr raises.
        """
        self._models, self.revision = self._load_models()
        self._on_outcomes, self._on_failure, self._running = on_outcomes, on_failure, True
        self._readers = [
            threading.Thread(target=self._read_pages, name=f"rapid-engine-{n}", daemon=True)
            for n in range(self.capacity)
        ]
        for reader in self._readers:
            reader.start()

    def prepare(self, page: Page, options: Options) -> None:
        """Prepare nothing: these pages need no preparation."""

    def enter(self, requests: Sequence[EngineRequest]) -> None:
        """Take pages in."""
        with self._changed:
            self._waiting.extend(requests)
            self._changed.notify(len(requests))

    def abort(self, request_id: str) -> bool:
        """Drop a page that no thread has started."""
        with self._changed:
            left = deque(request for request in self._waiting if request.id != request_id)
            dropped, self._waiting = len(left) < len(self._waiting), left
        return dropped

    def alive(self) -> bool:
        """Whether all threads are running."""
        return self._running and all(reader.is_alive() for reader in self._readers)

    def stop(self) -> None:
        """Let each thread end after its current page, whose outcome is dropped."""
        with self._delivery, self._changed:
            self._running = False
            self._waiting.clear()
            self._changed.notify_all()

    def _load_models(self) -> tuple["RapidOcrModels", str]:
        """The loaded models and their revision. What `auto` has chosen and does not load after all is replaced."""
        from ocr_celery.engine.rapid.loading import load_models
        from ocr_celery.engine.rapid.runtime_choice import FALLBACK, choose_runtime
        from ocr_celery.engine.rapid.runtimes import open_runtime

        _keep_less_freed_memory()
        name = choose_runtime(self._cache_dir) if self._runtime == "auto" else self._runtime
        try:
            return load_models(open_runtime(name), self.capacity)
        except Exception as exc:
            if name in (self._runtime, FALLBACK):
                raise
            log.warning("runtime not usable: %s, %s reads instead, %r", name, FALLBACK, exc)
        return load_models(open_runtime(FALLBACK), self.capacity)

    def _read_pages(self) -> None:
        try:
            while (request := self._next_request()) is not None:
                started_at = time.monotonic()
                result = self._read_page(request)
                self._deliver(Outcome(id=request.id, result=result, seconds=time.monotonic() - started_at))
        except BaseException as error:  # the engine cannot go on with a thread less
            self._fail(error)

    def _next_request(self) -> EngineRequest | None:
        with self._changed:
            while self._running and not self._waiting:
                self._changed.wait()
            return self._waiting.popleft() if self._running else None

    def _read_page(self, request: EngineRequest) -> Reading | EngineFailed:
        from ocr_celery.engine.rapid import pipeline

        try:
            return pipeline.read_page(self._models, request.page.image, blocks=wants_blocks(request.options.prompt))
        except MemoryError:
            return EngineFailed("There was not enough memory to read this page.")
        except Exception:
            log.exception("unexpected error in the engine: task %s", request.id)
            return EngineFailed()

    def _deliver(self, outcome: Outcome) -> None:
        with self._delivery:
            if self._running:
                self._on_outcomes([outcome])

    def _fail(self, error: BaseException) -> None:
        with self._delivery:
            if self._running:
                self._running = False
                self._on_failure(error)
        with self._changed:
            self._changed.notify_all()


def _keep_less_freed_memory() -> None:
    """Have glibc keep less of what is freed.

    With eight arenas for each core it is fragmented among them. And once a large block was freed, glibc takes later ones
    of its size from a heap that shrinks only from its end.
    """
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, 2)
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED)
