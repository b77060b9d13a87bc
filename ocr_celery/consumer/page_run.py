"""One message the pool holds, from the broker to its end."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from celery import states

from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.errors import OcrError
from ocr_celery.message import Job

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Entry:
    """A page on its road through the worker. Also the ApplyResult that Celery's Request keeps (weakly) to terminate it."""

    request: Any  #: celery.worker.request.Request
    trace: Any  #: Celery's tracer and its arguments, to be run when the outcome is at hand
    trace_args: tuple[Any, ...]
    accepted: Any  #: Request.on_accepted
    done: Any  #: Request.on_success, which also takes failures
    received_at: float = field(default_factory=time.time)
    created_at: float = 0.0  #: Unix seconds; when the task was sent, as far as is known
    job: Job | None = None
    file: bytes | None = None  #: until it is decoded
    decoded: Page | None = None  #: until the engine has made of it what it takes
    page: Page | None = None  #: that is ready to be read
    prepared: Any = None  #: what the engine made of the page before it has a place
    options: Options | None = None  #: how it is read next
    url: str = ""  #: what it is fetched from
    address: IPv4Address | IPv6Address | None = None  #: of that URL's host, once it is known
    refusal: OcrError | None = None  #: why it is not even fetched
    quarantined: bool = False  #: it is suspected of killing workers, see core/quarantine.py
    solo_strikes: int = 0
    readings: list[Reading] = field(default_factory=list)
    read_seconds: float = 0.0  #: in the engine, all readings together
    prepare_began: float = 0.0  #: by `time.monotonic`
    prepare_seconds: float = 0.0
    first_entered_at: float = 0.0  #: Unix seconds; when the page went into the engine first, 0 = never
    entered_at: float = 0.0  #: … and last, by `time.monotonic`: a clock that is set makes no page late
    batch: int = 0  #: pages inside the engine just after it went in
    outcome: Any = None  #: the result dict, or the exception
    replay: dict[str, Any] | None = None  #: Celery's record, where the task was finished before this delivery
    terminated: bool = False
    followers: list["Entry"] = field(default_factory=list)  #: further deliveries of the same task
    on_terminate: Callable[["Entry"], None] | None = None
    _begun: bool = False
    _beginning: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> str:
        """The task id."""
        return str(self.request.id)

    @property
    def task(self) -> Any:
        """The Celery task."""
        return self.request.task

    def enters(self, *, batch: int) -> None:
        """The page goes into the engine, in which there are `batch` pages then."""
        self.entered_at = time.monotonic()
        self.first_entered_at = self.first_entered_at or time.time()
        self.batch = batch

    @property
    def waited(self) -> float:
        """Seconds from when it was sent until the engine took it, but for its preparation."""
        return max(0.0, (self.first_entered_at or time.time()) - self.created_at - self.prepare_seconds)

    def begin(self) -> None:
        """Say once that work on the page has begun: Celery's event, `inspect active`, and the state STARTED if it is read."""
        with self._beginning:
            if self._begun or self.request._already_revoked:
                return
            self._begun = True
            try:
                self.accepted(os.getpid(), time.monotonic())
                if not self.entered_at or self.request.ignore_result:
                    return
                where = {"pid": os.getpid(), "hostname": self.request.hostname}
                self.task.backend.store_result(self.id, where, states.STARTED, request=self.request._context)
            except Exception as exc:
                log.warning("task %s: cannot say that it has started: %r", self.id, exc)

    def terminate(self, signal: Any = None) -> None:
        """Called by Request.terminate; the request has been announced revoked by then."""
        self.terminated = True
        if self.on_terminate is not None:
            self.on_terminate(self)

    def is_off(self) -> bool:
        """Whether it was revoked or has expired. Announces that (result, event, ack) when it finds it out.

        Where that fails (Redis is away) the page is read like any other: nobody's engine is broken by it.
        """
        try:
            return bool(self.request.revoked())
        except Exception as exc:
            log.warning("task %s: cannot say that it is off: %r", self.id, exc)
            return False
