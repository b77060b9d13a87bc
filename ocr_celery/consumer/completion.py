"""Completes a page: Celery's own tracer stores the result, counts the chord's part, sends links, and acknowledges."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from celery import states
from celery.worker import state as worker_state

from ocr_celery.consumer import page_events
from ocr_celery.consumer.page_events import PageDone, PageListener
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.errors import Internal, OcrError
from ocr_celery.message import ASSEMBLE
from ocr_celery.store.transient_errors import is_transient
from ocr_celery.transport import current_result, pending_acks
from ocr_celery.transport.stop_request import is_stopping

log = logging.getLogger(__name__)


def complete(run: PageRun, listeners: Sequence[PageListener] = ()) -> bool:
    """Store the result of a page and acknowledge its message; where that cannot be done, requeue the message.

    `listeners`: called once the result is known, before it is stored. Answers whether it was done; False: it is still to be
    read, or failed after all.
    """
    return _end(run, lambda: _store_result(run, listeners))


def acknowledge_expanded(run: PageRun) -> None:
    """The pages of a document are recorded and queued: acknowledge its message. What comes of it follows in another.

    Where that cannot be done, requeue the message.
    """
    _end(run, lambda: _hand_over(run))


def _end(run: PageRun, step: Callable[[], None]) -> bool:
    """Take the step that ends a page, and what ends its duplicates. Answers whether that was done."""
    try:
        if getattr(run.request, "_already_cancelled", False):
            run.duplicates.clear()
            return False  # cold shutdown: its messages go back
        step()
        while run.duplicates:
            complete_duplicate(run, run.duplicates.pop(0))
        return True
    except BaseException as exc:
        if is_transient(exc) or not isinstance(exc, Exception) or is_stopping():
            log.error("could not store result: task %s requeued, %r", run.id, exc)
            requeue(run, in_vain=not is_stopping())
            return False
        log.error("cannot store result: task %s fails, %r", run.id, exc)
        for delivery in _deliveries(run):
            _fail(delivery)
        return False


def _store_result(run: PageRun, listeners: Sequence[PageListener]) -> None:
    if run.request._already_revoked:
        pass  # its result is REVOKED and its message is acknowledged
    elif run.cancelled or _was_cancelled(run):
        run.announce_cancelled()
    elif run.prior_result is not None:
        _repeat_completion(run, run.prior_result)
    else:
        _run_tracer(run, listeners)


def _hand_over(run: PageRun) -> None:
    if run.request.type == ASSEMBLE:
        pending_acks.waive_final_result(run.request.message.delivery_tag)
        _acknowledge(run)
    elif _was_cancelled(run):  # before they were: no other message will count its chord's part
        run.announce_cancelled()
    else:
        run.announce_started()
        _acknowledge(run)


def _was_cancelled(run: PageRun) -> bool:
    """Whether the task was cancelled since it was loaded, and this worker has not heard of it.

    Without an answer of Redis its result is stored, as far as that is still allowed then.
    """
    if run.prior_result is not None:
        return False
    try:
        return bool(run.task.backend.cancellation.cancelled([run.id]))
    except Exception as exc:
        log.warning("could not look up whether it was cancelled: task %s, %r", run.id, exc)
        return False


def requeue(run: PageRun, *, in_vain: bool = False) -> None:
    """Put the message of a page back into the queue, and those of its duplicates.

    `in_vain`: an error was met, so that the delivery counts as failed (core/delivery_limit.py).
    """
    for delivery in _deliveries(run):
        _requeue_one(delivery, in_vain=in_vain)


def _deliveries(run: PageRun) -> list[PageRun]:
    """The page and its duplicates, which are taken off it."""
    duplicates, run.duplicates = run.duplicates, []
    return [run, *duplicates]


def _requeue_one(run: PageRun, *, in_vain: bool = False) -> None:
    worker_state.task_ready(run.request)
    if in_vain:
        pending_acks.count_failed_delivery(run.request.message.delivery_tag)
    run.request.reject(requeue=True)


def _acknowledge(run: PageRun) -> None:
    worker_state.task_ready(run.request)
    run.request.acknowledge()


def _fail(run: PageRun) -> None:
    """The result can never be stored or published: fail the page, so that it is not read again."""
    message = run.request.message
    try:
        with current_result.bind(Internal()):
            context = run.request._context
            run.task.backend.mark_as_failure(run.id, Internal(), request=context, call_errbacks=False)
        _acknowledge(run)
    except Exception as exc:
        if is_transient(exc):
            _requeue_one(run, in_vain=True)
            return
        message.channel.put_aside(message.delivery_tag, {}, f"{type(exc).__name__} when the page was to fail")
        worker_state.task_ready(run.request)


def complete_duplicate(first: PageRun, run: PageRun) -> None:
    """Complete a further delivery of the same task. It may be part of another chord, which counts it, too."""
    if run.request._context.group == first.request._context.group:
        _acknowledge(run)
        return
    try:
        meta = run.task.backend.registry.celery_record(run.id)
        if meta.get("status") in states.READY_STATES:
            _repeat_completion(run, meta)
        else:
            _requeue_one(run)  # it is tried again later, and this chord waits for that
    except Exception as exc:
        log.warning("could not complete duplicate delivery: task %s requeued, %r", run.id, exc)
        _requeue_one(run, in_vain=True)


def _run_tracer(run: PageRun, listeners: Sequence[PageListener]) -> None:
    result = Internal() if run.result is None else run.result
    if isinstance(result, Exception) and not isinstance(result, OcrError):
        log.error("unexpected error: task %s", run.id, exc_info=result)
        result = Internal()
    page_events.announce(listeners, PageDone(run, result))
    run.announce_started()
    with current_result.bind(result):
        failed, value, _ = run.trace(*run.trace_args)
    run.done((failed, value, run.read_seconds))


def _repeat_completion(run: PageRun, meta: dict[str, Any]) -> None:
    """The task was completed before this delivery, but its worker died before the acknowledgement: repeat what is safe to.

    Its result stays. A chord counts a part once, however often it comes. Links are sent if there is no trace of them.
    """
    log.info("already completed: task %s is not read again", run.id)
    request, task = run.request, run.task
    context = request._context
    backend = task.backend
    if meta.get("status") == states.SUCCESS:
        if (context.callbacks or context.chain) and not meta.get("children"):
            with current_result.bind(meta.get("result")):
                run.trace(*run.trace_args)
        else:
            backend.mark_as_done(run.id, meta.get("result"), request=context, store_result=False)
    elif context.chord and meta:
        error = backend.exception_to_python(meta.get("result"))
        backend.on_chord_part_return(context, meta["status"], error)
    if meta and backend.outlasts_claim(context):
        backend.on_chord_part_return(context, states.SUCCESS, meta.get("result"))
    _acknowledge(run)
