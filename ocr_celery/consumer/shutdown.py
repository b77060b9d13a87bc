"""How a worker ends itself when it cannot work any more: its pages are requeued, and the exit status says why."""

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

EXIT_ENGINE_FAILED = 70  #: exit status (EX_SOFTWARE)
EXIT_LEASE_LOST = 75  #: exit status (EX_TEMPFAIL)
_EXIT_TIMEOUT = (
    15.0  #: seconds for an orderly end; after that the process ends as if killed, which loses nothing either
)

_worker: Any = None
lease_lost = False  #: whether another process has taken this worker's name over


def remember(worker: Any) -> None:
    """The WorkController of this process."""
    global _worker
    _worker = worker


def skip_interpreter_teardown() -> None:
    """Have a cold shutdown end without taking the interpreter apart: threads in a C++ engine would abort it.

    Called before anything else that is to happen at the end, as that happens in reverse order.
    """
    atexit.register(_exit_now)


def _exit_now() -> None:
    if not is_set(worker_state.should_terminate):
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(getattr(_worker, "exitcode", None) or 0)


def shut_down(status: int) -> None:
    """End this worker with `status` (cold: unacknowledged messages are requeued). Callable from any thread."""
    global lease_lost
    lease_lost = lease_lost or status == EXIT_LEASE_LOST
    if _worker is not None:
        _worker.exitcode = status
    worker_state.should_terminate = status
    hub = get_event_loop()
    if hub is not None:
        hub.call_soon(lambda: None)  # wake it
    watch = threading.Timer(_EXIT_TIMEOUT, os._exit, [status])
    watch.daemon = True
    watch.start()
