"""The end of a page: Celery's own tracer stores the result, counts the chord's part, sends what is linked, and acknowledges."""

import logging
from typing import Any

import structlog
from celery import states
from celery.worker import state as worker_state

from ocr_celery import message
from ocr_celery.consumer.page_run import Entry
from ocr_celery.errors import Internal, OcrError
from ocr_celery.store.transient_errors import is_transient
from ocr_celery.transport import current_result, pending_acks
from ocr_celery.transport.stop_request import is_stopping

log = logging.getLogger(__name__)
pages = structlog.stdlib.get_logger("ocr_celery.pages")


def finish(entry: Entry) -> None:
    """Record the outcome of a page and acknowledge its message; where that cannot be done, give the message back."""
    try:
        if getattr(entry.request, "_already_cancelled", False):
            entry.followers.clear()
            return  # cold shutdown: its messages go back
        if entry.request._already_revoked:
            pass  # its result is REVOKED and its message is acknowledged
        elif entry.replay is not None:
            _replay(entry, entry.replay)
        else:
            _trace(entry)
        while entry.followers:
            follow(entry, entry.followers.pop(0))
    except BaseException as exc:
        if is_transient(exc) or not isinstance(exc, Exception) or is_stopping():
            log.error("task %s: its outcome could not be stored (%r); it goes back to the queue", entry.id, exc)
            give_back(entry, in_vain=not is_stopping())
            return
        log.error("task %s: its outcome cannot be stored, so it fails: %r", entry.id, exc)
        for held in _all(entry):
            _fail(held)


def give_back(entry: Entry, *, in_vain: bool = False) -> None:
    """Put the message of a page back into the queue, and those of its further deliveries.

    `in_vain`: an error was met, which counts against the page (core/delivery_limit.py).
    """
    for held in _all(entry):
        _return(held, in_vain=in_vain)


def _all(entry: Entry) -> list[Entry]:
    """The page and its further deliveries, which are dealt with now."""
    followers, entry.followers = entry.followers, []
    return [entry, *followers]


def _return(entry: Entry, *, in_vain: bool = False) -> None:
    worker_state.task_ready(entry.request)
    if in_vain:
        pending_acks.count_failed_delivery(entry.request.message.delivery_tag)
    entry.request.reject(requeue=True)


def _acknowledge(entry: Entry) -> None:
    worker_state.task_ready(entry.request)
    entry.request.acknowledge()


def _fail(entry: Entry) -> None:
    """What became of the page cannot be stored or said, today or tomorrow: it fails, and is not read again."""
    message = entry.request.message
    try:
        with current_result.bind(Internal()):
            context = entry.request._context
            entry.task.backend.mark_as_failure(entry.id, Internal(), request=context, call_errbacks=False)
        _acknowledge(entry)
    except Exception as exc:
        if is_transient(exc):
            _return(entry, in_vain=True)
            return
        message.channel.put_aside(message.delivery_tag, {}, f"{type(exc).__name__} when the page was to fail")
        worker_state.task_ready(entry.request)


def follow(first: Entry, entry: Entry) -> None:
    """End a further delivery of the same task. It may be part of another chord, which counts it, too."""
    if entry.request._context.group == first.request._context.group:
        _acknowledge(entry)
        return
    try:
        meta = entry.task.backend.registry.celery_record(entry.id)
        if meta.get("status") in states.READY_STATES:
            _replay(entry, meta)
        else:
            _return(entry)  # it is tried again later, and this chord waits for that
    except Exception as exc:
        log.warning("task %s: a further delivery goes back to the queue: %r", entry.id, exc)
        _return(entry, in_vain=True)


def _trace(entry: Entry) -> None:
    result = Internal() if entry.outcome is None else entry.outcome
    if isinstance(result, Exception) and not isinstance(result, OcrError):
        log.error("task %s: unexpected", entry.id, exc_info=result)
        result = Internal()
    _log(entry, result)
    entry.begin()
    with current_result.bind(result):
        failed, value, _ = entry.trace(*entry.trace_args)
    entry.done((failed, value, entry.read_seconds))


def _log(entry: Entry, result: Any) -> None:
    request = entry.request
    args, kwargs, _ = request._payload
    fields: dict[str, Any] = {
        "task_id": entry.id,
        "task": request.type,
        "source": message.redacted_source(request.type, args, kwargs, request.request_dict.get("file_name")),
        "waited": round(entry.waited, 3),
        "prepared": round(entry.prepare_seconds, 3),
        "read": round(entry.read_seconds, 3),
        "batch": entry.batch,
    }
    if asked := request.request_dict.get("request_id"):
        fields["request_id"] = str(asked)[:64]
    if isinstance(result, OcrError):
        tried = int(request.request_dict.get("retries") or 0)
        again = result.retryable and tried < (request.task.max_retries or 0)
        fields |= {"code": result.code, "why": result.message, **({"tried": tried + 1} if tried or again else {})}
        if again:
            pages.info("page will be tried again", **fields)
        else:  # the service's own fault, or something about the page
            pages.log(logging.ERROR if result.http_status == 500 else logging.WARNING, "page failed", **fields)
    else:
        told = {name: result[name] for name in ("verdict", "readings")}
        pages.info("page read", **fields, **told, characters=len(result["text"]))


def _replay(entry: Entry, meta: dict[str, Any]) -> None:
    """The task was finished before this delivery, but its worker died before it said so: do again what is safe to repeat.

    Its result stays. A chord counts a part once, however often it comes. Links are sent if there is no trace of them.
    """
    log.info("task %s was finished before; not read again", entry.id)
    request, task = entry.request, entry.task
    context = request._context
    backend = task.backend
    if meta.get("status") == states.SUCCESS:
        if (context.callbacks or context.chain) and not meta.get("children"):
            with current_result.bind(meta.get("result")):
                entry.trace(*entry.trace_args)
        else:
            backend.mark_as_done(entry.id, meta.get("result"), request=context, store_result=False)
    elif context.chord and meta:
        error = backend.exception_to_python(meta.get("result"))
        backend.on_chord_part_return(context, meta["status"], error)
    if meta and backend.outlasts_claim(context):
        backend.on_chord_part_return(context, states.SUCCESS, meta.get("result"))
    _acknowledge(entry)
