"""Celery's Redis result backend, which also updates the registry in the same step and gives a chord its failed parts."""

import json
import math
import time
from functools import cached_property
from typing import Any

from celery import states
from celery.backends.redis import RedisBackend
from celery.exceptions import TaskRevokedError
from kombu.utils.encoding import bytes_to_str

from ocr_celery.core.status import EXPANDED, STATUS_BY_CELERY_STATE
from ocr_celery.errors import Cancelled, OcrError, public_error
from ocr_celery.message import ACCEPT_PARTIAL, ASSEMBLE, COLLECT, POOL_TASKS
from ocr_celery.store.cancellation import CANCELLED_STATES, Cancellation
from ocr_celery.store.keys import Keys
from ocr_celery.store.registry import Registry
from ocr_celery.store.transient_errors import drop_on_failover, is_transient
from ocr_celery.task_results import failed_part
from ocr_celery.transport import current_result, outbox
from ocr_celery.transport.stop_request import is_stopping

_CLAIM = 60.0  #: seconds after which a worker's claim to send a chord's body is no longer waited for


class Backend(RedisBackend):
    """The result of a page, its place in the registry and the end of its stored image change together."""

    @cached_property
    def registry(self) -> Registry:
        """The registry on the backend's own connections."""
        return Registry(self.client, Keys(self.app.conf.task_default_queue), keep=2 * int(self.expires))

    @cached_property
    def cancellation(self) -> Cancellation:
        """Which tasks of that registry were cancelled."""
        return Cancellation(self.registry)

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """Retry to store a result after any temporary error of Redis: unavailable, read-only, its disk full."""
        if current_result.is_bound() and is_stopping():
            return False  # the page goes back
        return is_transient(exc)

    def _get_pool(self, **params: Any) -> Any:
        return drop_on_failover(super()._get_pool(**params))

    def _ensure_retryable(self, *args: Any, **kwargs: Any) -> Any:
        """Without a limit where a page's result is stored, since the page was read. Other callers get the error after a while."""
        if current_result.is_bound():
            kwargs.setdefault("max_retries", math.inf)
        return super()._ensure_retryable(*args, **kwargs)

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **kwargs: Any
    ) -> Any:
        if getattr(request, "task", None) == COLLECT and state in states.READY_STATES:
            self.registry.end_batch(task_id)
        if not self._is_page(task_id, request):
            stored = super()._store_result(task_id, result, state, traceback=traceback, request=request, **kwargs)
            self._drop_forgotten(task_id, request)
            return stored
        meta = self._get_result_meta(result=result, state=state, traceback=traceback, request=request)
        meta["task_id"] = task_id
        known = state if state in STATUS_BY_CELERY_STATE else states.STARTED
        tried = _tried(state, meta, request) if current_result.is_bound() else {}
        keep = int(self.expires)
        ends = getattr(request, "task", None) == ASSEMBLE
        more: dict[str, Any] = {"meta_keep": keep, "about": tried, "ends_document": ends}
        self.registry.transition(task_id, known, now=time.time(), meta=self.encode(meta), **more)
        if state in states.READY_STATES and ends:
            self.registry.documents.settle(task_id, meta_keep=keep)
        return result

    def mark_as_done(
        self, task_id: str, result: Any, request: Any = None, store_result: bool = True, state: str = states.SUCCESS
    ) -> None:
        """As Celery's, for a page whose sender wants no result too."""
        super().mark_as_done(task_id, result, request=request, store_result=store_result, state=state)
        self._move_without_result(task_id, state, request)

    def mark_as_failure(
        self, task_id: str, exc: Any, traceback: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """As Celery's, for a page whose sender wants no result too.

        An error of Redis must not fail a page: it is raised, and the page is requeued.
        """
        if current_result.is_bound() and is_transient(exc):
            raise exc
        super().mark_as_failure(task_id, exc, traceback, request, *args, **kwargs)
        self._move_without_result(task_id, states.FAILURE, request)

    def mark_as_revoked(self, task_id: str, reason: str = "", request: Any = None, *args: Any, **kwargs: Any) -> None:
        """As Celery's, for a page whose sender wants no result too."""
        super().mark_as_revoked(task_id, reason, request, *args, **kwargs)
        self._move_without_result(task_id, states.REVOKED, request)
        if request is not None and self._is_page(task_id, request):
            self.cancellation.message_found(task_id)

    def note_retry(self, task_id: str, request: Any) -> None:
        """Celery stores no retry of a task sent with ignore_result; its message is acknowledged only where this is known."""
        self._move_without_result(task_id, states.RETRY, request)

    def _move_without_result(self, task_id: str, state: str, request: Any) -> None:
        """Celery stores nothing of a task sent with ignore_result; its record and image must be freed all the same."""
        if getattr(request, "ignore_result", False) and self._is_page(task_id, request):
            ends = getattr(request, "task", None) == ASSEMBLE
            self.registry.transition(task_id, state, now=time.time(), ends_document=ends)

    def _drop_forgotten(self, task_id: str, request: Any) -> None:
        """A batch may be forgotten while it is collected. Looked up after its result was stored, so that none is left."""
        if getattr(request, "task", None) == COLLECT and self.cancellation.forgotten(task_id):
            self.delete(self.get_key_for_task(task_id))

    def _is_page(self, task_id: str, request: Any) -> bool:
        name = getattr(request, "task", None)
        if name is not None:
            return name in POOL_TASKS
        # a revoke from outside names only the id
        return bool(self.client.exists(self.registry.keys.task(task_id)))

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Subscribe to the result, unless our client sends the task: it polls when it is asked."""
        if outbox.captured() is None:
            super().on_task_call(producer, task_id)

    def add_pending_result(self, result: Any, *args: Any, **kwargs: Any) -> Any:
        """The same for the parts of a chord."""
        return result if outbox.captured() is not None else super().add_pending_result(result, *args, **kwargs)

    def set_chord_size(self, group_id: str, chord_size: int) -> None:
        """Store how many parts a chord has; for our client in the same step that sends them."""
        messages = outbox.captured()
        if messages is None:
            super().set_chord_size(group_id, chord_size)
            return
        key = bytes_to_str(self.get_key_for_group(group_id, ".s"))
        keep = int(self.app.conf["result_chord_expires"])  # an attribute of the backend from Celery 5.7 on
        messages += [("SET", key, str(chord_size)), ("EXPIRE", key, str(keep))]

    def on_chord_part_return(self, request: Any, state: str, result: Any, propagate: Any = None, **kwargs: Any) -> None:
        """A body that accepts partial headers is handed a failed part's error in its place; it then runs all the same."""
        known = self._known_state(request)
        if known == EXPANDED and request.task != ASSEMBLE:
            return  # a document whose message came twice: its assembly counts it
        if state != states.REVOKED and known in CANCELLED_STATES:
            result, state = TaskRevokedError("cancelled"), states.REVOKED
        if state in states.PROPAGATE_STATES and request.chord and self._accepts_partial(request.chord):
            result, state = failed_part(request.id, state, _public(result)), states.SUCCESS
        super().on_chord_part_return(request, state, result, propagate=propagate, **kwargs)

    def _known_state(self, request: Any) -> str:
        """The state in the record of a page that is part of a chord, else "": its chord counts what its record says.

        It may have been cancelled while it was read to its end.
        """
        if not request.group or not self._is_page(request.id, request):
            return ""
        return self.cancellation.states([request.id]).get(request.id, "")

    def _accepts_partial(self, body: Any) -> bool:
        """Whether a chord's body, or the first task of one that is a chain, is run although parts of its header failed.

        A task of another service says so in its signature: ``headers={"accept_partial": True}``.
        """
        while body.get("task") == "celery.chain" and (tasks := body.get("kwargs", {}).get("tasks")):
            body = tasks[0]
        asked = (body.get("options", {}).get("headers") or {}).get(ACCEPT_PARTIAL)
        return bool(asked) or body.get("task") == COLLECT

    def outlasts_claim(self, request: Any) -> bool:
        """Whether the worker that claimed this chord's body died before sending it, so that another part must send it.

        Celery's claim expires, but nothing in Celery checks for that. Waits for it, for seconds at most.
        """
        if not request.chord or not request.group:
            return False
        key, seen = self.get_key_for_group(request.group, ".c"), False
        end = time.monotonic() + _CLAIM
        while (claim := self.client.get(key)) not in (None, b"done"):
            if time.monotonic() > end or is_stopping():
                return False
            seen = True
            time.sleep(0.2)
        return seen and claim is None


def _tried(state: str, meta: dict[str, Any], request: Any) -> dict[str, str | float]:
    """The fields of a page's record about its attempts, after one has ended; see `records.FIELDS`."""
    tried: dict[str, str | float] = {"attempts": int(getattr(request, "retries", 0) or 0) + 1}
    if state == states.RETRY:
        error = meta["result"]
        tried["last_error"] = json.dumps([error["exc_type"], str(error["exc_message"][0])])
        tried["next_try_at"] = getattr(request, "next_try_at", 0.0)
    return tried


def _public(result: Any) -> OcrError:
    if isinstance(result, OcrError):
        return result
    if isinstance(result, TaskRevokedError):
        return Cancelled()
    return public_error(type(result).__name__, str(result))
