"""Takes a step of a page again and again while Redis or the store of files is away: neither may cost a page."""

import logging
import time
from collections.abc import Callable

from celery.worker import state as worker_state
from redis.exceptions import RedisError

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.errors import StoreFull, StoreUnavailable
from ocr_celery.store.transient_errors import is_transient
from ocr_celery.transport.stop_request import is_set

log = logging.getLogger(__name__)

_REDIS_RETRY = 0.5  #: seconds between two tries
_STORE_FULL_PAUSE = 0.5  #: seconds before a page goes back that found the store full: it comes again at once


def retry_while_redis_down(step: Callable[[PageRun], None], run: PageRun) -> bool:
    """Take this step, unless the task was revoked. What it raises becomes the page's result, but for an outage
    of Redis or of the store of files.

    Blocks for as long as it lasts. False: the worker terminates first.
    """
    while True:
        try:
            if not run.cancel_if_revoked():
                step(run)
        except Exception as exc:
            if not _is_outage(exc):
                run.result = exc
                return True
            what = "Redis" if isinstance(exc, RedisError) else "store of files"
            log.warning("%s unavailable: task %s waits, %s", what, run.id, exc)
        else:
            return True
        if is_set(worker_state.should_terminate):
            return False
        time.sleep(_REDIS_RETRY)


def pause_if_store_full(run: PageRun) -> bool:
    """Whether a file found no room, so that the page must go back: what makes room are other pages, in this thread, too."""
    if not isinstance(run.result, StoreFull):
        return False
    log.warning("store of files full: task %s requeued, %s", run.id, run.result)
    time.sleep(_STORE_FULL_PAUSE)
    return True


def _is_outage(exc: Exception) -> bool:
    if isinstance(exc, StoreUnavailable):
        return True
    return isinstance(exc, RedisError) and is_transient(exc)
