"""How a worker ends itself when it can no longer do its work: pages go back, and the exit status says so."""

import atexit
import logging
import os
import sys
import threading
from contextlib import suppress
from typing import Any

from celery.worker import state as worker_state
from kombu.asynchronous import get_event_loop

from ocr_celery.transport.stop_request import is_set

ENGINE_BROKE = 70  #: exit status (EX_SOFTWARE)
NAME_LOST = 75  #: exit status (EX_TEMPFAIL)
_LAST_WORDS = 15.0  #: seconds for an orderly end; after that the process ends as if killed, which loses nothing either

_worker: Any = None
name_lost = False  #: whether what lies in Redis under this worker's name is another's by now


def remember(worker: Any) -> None:
    """The WorkController of this process."""
    global _worker
    _worker = worker


def spare_the_teardown() -> None:
    """Have a cold shutdown end without taking the interpreter apart: threads that are inside a C++ engine would abort it.

    Called before anything else that is to happen at the end, as that happens in reverse order.
    """
    atexit.register(_leave)


def _leave() -> None:
    if not is_set(worker_state.should_terminate):
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(getattr(_worker, "exitcode", None) or 0)


def end_worker(status: int) -> None:
    """Have this worker end with `status` (cold: what is unacknowledged goes back). Callable from any thread."""
    global name_lost
    name_lost = name_lost or status == NAME_LOST
    if _worker is not None:
        _worker.exitcode = status
    worker_state.should_terminate = status
    hub = get_event_loop()
    if hub is not None:
        hub.call_soon(lambda: None)  # wake it
    watch = threading.Timer(_LAST_WORDS, os._exit, [status])
    watch.daemon = True
    watch.start()
