"""One delivery of a page, from the broker to its end."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from celery import states

from ocr_celery.core.file_keeping import file_name_of
from ocr_celery.core.file_reference import IN_STORE
from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import EngineRequest
from ocr_celery.errors import OcrError
from ocr_celery.message import ASSEMBLE, Job

log = logging.getLogger(__name__)


class Phase(Enum):
    """Where a page is. It changes in `PageTable` only."""

    RECEIVED = "received"  #: waits to be loaded
    PREPARING = "preparing"  #: is loaded, decoded, and made into what the engine takes
    READY = "ready"  #: waits for the engine; one that is quarantined is decoded only
    IN_ENGINE = "in engine"
    STORING = "storing"  #: left the engine; its outcome is evaluated and stored
    ENDING = "ending"  #: ends without having entered the engine; that is stored
    DONE = "done"


@dataclass(eq=False, slots=True)
class DocumentPage:
    """One page of a file that has several, before it is decoded."""

    path: Path  #: of the file
    number: int  #: from 1
    password: str = field(repr=False)
    text_layer: str  #: see `core.document_options`
    holding: ExitStack  #: what keeps the file where it is; closed when the page is decoded


@dataclass(eq=False)
class PageRun:
    """A page on its way through the worker. Also the ApplyResult that Celery's Request keeps (weakly) to terminate it."""

    request: Any  #: celery.worker.request.Request
    trace: Any  #: Celery's tracer and its arguments, run when the result is known
    trace_args: tuple[Any, ...]
    accepted: Any  #: Request.on_accepted
    done: Any  #: Request.on_success, which also takes failures
    phase: Phase = Phase.RECEIVED
    created_at: float = 0.0  #: Unix seconds; when the task was sent, as far as is known
    job: Job | None = None
    file: bytes | None = None  #: until it is decoded
    document_page: DocumentPage | None = None  #: in place of `file`, until it is decoded
    held_file: bytes | None = field(
        default=None, repr=False
    )  #: to be stored once it was read (consumer/file_keeper.py)
    was_stored: bool = False  #: its file was put into the store, under its id
    is_expanded: bool = False  #: it is a document whose pages are still to be read: its message is done
    decoded: Page | None = None  #: until the engine has prepared it
    page: Page | None = None  #: that is ready to be read
    prepared: Any = None  #: what the engine made of the page before it entered
    options: Options | None = None  #: of the next reading
    url: str = ""  #: that it is fetched from
    address: IPv4Address | IPv6Address | None = None  #: of that URL's host, once it is known
    convicted: OcrError | None = None  #: why it is not read any more; the text that its file has is still looked for
    refused: OcrError | None = None  #: why it is not even fetched
    quarantined: bool = False  #: it is suspected of killing workers, see core/quarantine.py
    solo_strikes: int = 0
    readings: list[Reading] = field(default_factory=list)
    read_seconds: float = 0.0  #: in the engine, all readings together
    prepare_started_at: float = 0.0  #: by `time.monotonic`
    prepare_seconds: float = 0.0
    first_entered_at: float = 0.0  #: Unix seconds; when the page entered the engine first, 0 = never
    entered_at: float = 0.0  #: … and last, by the scheduler's clock, which is monotonic; 0 = it is about to
    batch: int = 0  #: pages in the engine just after it entered
    cache_key: str = ""  #: under which its reading is looked for and kept; "": neither (consumer/page_cache.py)
    result: Any = None  #: the result dict, or the exception
    prior_result: dict[str, Any] | None = None  #: Celery's record, where the task was finished before this delivery
    cancelled: bool = False  #: its task was found to be cancelled in Redis, not by the worker's own remote control
    terminated: bool = False
    duplicates: list["PageRun"] = field(default_factory=list)  #: further deliveries of the same task
    on_terminate: Callable[["PageRun"], None] | None = None
    _announced: bool = False
    _announcing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> str:
        """The task id."""
        return str(self.request.id)

    @property
    def key(self) -> str:
        """What the worker knows it by: a document is opened and assembled under one task id."""
        return f"{self.id}/assembly" if self.request.type == ASSEMBLE else self.id

    @property
    def has_stored_file(self) -> bool:
        """Whether a file of its own may lie in the store: uploaded, or put there as it is a document."""
        is_uploaded = self.job is not None and self.job.source == IN_STORE + file_name_of(self.id)
        return is_uploaded or self.was_stored or self.request.type == ASSEMBLE

    @property
    def task(self) -> Any:
        """The Celery task."""
        return self.request.task

    def on_enter(self, *, batch: int, now: float) -> None:
        """The page enters the engine, in which there are `batch` pages then."""
        self.entered_at = now
        self.first_entered_at = self.first_entered_at or time.time()
        self.batch = batch

    def engine_request(self) -> EngineRequest:
        """What the engine gets of a page that is ready to be read."""
        assert self.page is not None
        assert self.options is not None
        return EngineRequest(id=self.id, page=self.page, options=self.options, prepared=self.prepared)

    @property
    def waited(self) -> float:
        """Seconds from when the task was sent until the engine took the page, less its preparation."""
        return max(0.0, (self.first_entered_at or time.time()) - self.created_at - self.prepare_seconds)

    def release_document_page(self) -> None:
        """The page is decoded, or will not be: its file may go."""
        page, self.document_page = self.document_page, None
        if page is not None:
            page.holding.close()

    def announce_started(self) -> None:
        """Announce once that work has begun: Celery's event, `inspect active`, and the state STARTED if it is read."""
        with self._announcing:
            if self._announced or self.request._already_revoked:
                return
            self._announced = True
            try:
                self.accepted(os.getpid(), time.monotonic())
                if not self.entered_at or self.request.ignore_result:
                    return
                where = {"pid": os.getpid(), "hostname": self.request.hostname}
                self.task.backend.store_result(self.id, where, states.STARTED, request=self.request._context)
            except Exception as exc:
                log.warning("could not record STARTED: task %s, %r", self.id, exc)

    def terminate(self, signal: Any = None) -> None:
        """Called by Request.terminate; the request has been announced revoked by then."""
        self.terminated = True
        if self.on_terminate is not None:
            self.on_terminate(self)

    def announce_cancelled(self) -> None:
        """Announce as Celery does a revocation: the event, the chord's part, the acknowledgement. Raises `RedisError`."""
        log.info("cancelled: task %s is not read", self.id)
        self.request._announce_revoked("cancelled", False, None, False)

    def cancel_if_revoked(self) -> bool:
        """Whether the task was revoked or has expired. The first call that sees it announces it (result, event, ack).

        Where that fails (Redis is away) the page is read like any other, and the engine does not fail over it.
        """
        try:
            return bool(self.request.revoked())
        except Exception as exc:
            log.warning("could not publish revocation: task %s, %r", self.id, exc)
            return False
