"""The calls that stream the states of a page or batch as server-sent events.

There is no log of events: what is sent is the state as it is now, whenever it differs from the one sent last. So a stream can be
resumed from any process, and nothing is kept for it.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2s
from typing import Any

from flask import Flask, Response, current_app, request
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.client import Client
from ocr_celery.core.status import TaskView
from ocr_celery.errors import BrokerUnavailable, OcrError, ResultExpired, ResultUnreadable, TaskNotFound
from ocr_celery.store.change_feed import Watch
from web import waiting
from web.openapi import openapi_responses
from web.request_deadline import paused
from web.request_models import BatchPath, EventsHeader, ResultForm, TaskPath
from web.request_parsing import client, validated
from web.results import ERRORS, ID, TAGS, not_found, render_batch, render_task
from web.waiting import WaitPermit

api = APIBlueprint("events", __name__)

_RETRY = "retry: 2000\n\n"  # milliseconds after which a caller connects again
_COMMENT_INTERVAL = 15.0  #: seconds between two signs of life; proxies give up a silent connection after 60
_LOOK_SHARE = 10  #: after a look, a stream rests at least so many times as long as it took
_MAX_REST = 2.0  #: seconds
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would keep events back
_FORM = ResultForm(format="raw")  # the text, which is left out, need not be converted

_EVENT = {
    "event": {"enum": ["status", "gone"], "description": "gone: it is no longer known; `data` is the error."},
    "id": {"type": "string", "description": "Names the state, for `Last-Event-ID`."},
    "data": {"type": "string", "contentMediaType": "application/json"},
}
_STREAM: dict[str, Any] = {
    "description": "A stream with an event `status` for each change: `data` is what GET answers, without texts. "
    "It ends after the final one.",
    "content": {"text/event-stream": {"schema": {"type": "object", "properties": _EVENT}}},
}
_NOTHING_NEW: Any = {204: {"description": "The state named by Last-Event-ID is final: nothing follows."}}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state, as it is sent."""

    data: str
    id: str  #: equal for two states that differ in nothing but their place in the queue
    final: bool

    @property
    def event(self) -> str:
        """The event."""
        return f"event: status\nid: {self.id}\ndata: {self.data}\n\n"


Look = Callable[[Client, str], Snapshot]


def look_at_task(ocr_client: Client, task_id: str) -> Snapshot:
    """A page as it stands. Raises like `Client.look_up`."""
    view = ocr_client.look_up(task_id)
    rendered = render_task(_without_text(view), _FORM)
    rendered.pop("result", None)
    return _snapshot(rendered, [rendered], final=view.status.final)


def look_at_batch(ocr_client: Client, batch_id: str) -> Snapshot:
    """A batch as it stands. Raises like `Client.look_up_batch`."""
    view = ocr_client.look_up_batch(batch_id)
    items = tuple((url, _without_text(task)) for url, task in view.items)
    rendered = render_batch(replace(view, items=items), _FORM)
    for item in rendered["results"]:
        item.pop("result", None)
    return _snapshot(rendered, rendered["results"], final=view.status.final)


def _without_text(view: TaskView) -> TaskView:
    return replace(view, result={**view.result, "text": ""}) if view.result else view


def _snapshot(rendered: dict[str, Any], pages: Sequence[dict[str, Any]], *, final: bool) -> Snapshot:
    data = json.dumps(rendered, separators=(",", ":"))
    for page in pages:
        page.pop("position", None)
    id = blake2s(json.dumps(rendered).encode(), digest_size=8).hexdigest()
    return Snapshot(data, id, final)


@api.get(
    f"/ocr/{ID}/events",
    operation_id="getTaskEvents",
    tags=TAGS,
    responses={**openapi_responses(_STREAM, ResultExpired, *ERRORS), **_NOTHING_NEW},
)
@validated
def get_task_events(path: TaskPath, header: EventsHeader) -> Response:
    """Follow a page: server-sent events, one for each change of its state."""
    return _answer(look_at_task, path.task_id, header, lambda _: [path.task_id])


@api.get(
    "/ocr/batch/<batch_task_id>/events",
    operation_id="getBatchEvents",
    tags=TAGS,
    responses={**openapi_responses(_STREAM, ResultUnreadable, *ERRORS), **_NOTHING_NEW},
)
@validated
def get_batch_events(path: BatchPath, header: EventsHeader) -> Response:
    """Follow a batch: server-sent events; changes that follow one another quickly are one event."""
    return _answer(look_at_batch, path.batch_task_id, header, lambda known: known.task_ids(path.batch_task_id))


def _answer(look: Look, id: str, header: EventsHeader, ids: Callable[[Client], list[str]]) -> Response:
    ocr_client = client()
    try:
        first = look(ocr_client, id)
    except TaskNotFound as exc:
        raise not_found(id, exc) from None
    if first.final and first.id == header.last_event_id:
        return Response(status=204)
    watched = ids(ocr_client)  # before the permit is taken: if this raised afterwards, it would never be released
    permit = waiting.waiting_requests().acquire(waiting.connection()) if request.method == "GET" else None
    if permit is None:
        body = "" if first.id == header.last_event_id else first.event
        return Response(_RETRY + body, mimetype="text/event-stream", headers={**_HEADERS, "Retry-After": "1"})
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    events = _Stream(app, ocr_client, look, id, permit=permit, last=header.last_event_id).events(watched)
    response = Response(events, mimetype="text/event-stream", headers=_HEADERS)
    response.call_on_close(permit.release)
    return response


class _Stream:
    """One stream. `last`: the id of the state that its caller knows."""

    def __init__(self, app: Flask, ocr_client: Client, look: Look, id: str, *, permit: WaitPermit, last: str) -> None:
        self._app = app
        self._client = ocr_client
        self._look = look
        self._id = id
        self._permit = permit
        self._last = last
        self._ended = False
        self._rest = 0.0  # seconds

    def events(self, ids: list[str]) -> Iterator[str]:
        """What is sent. Runs in the thread of the request, whose context has ended."""
        yield _RETRY
        with self._client.changes.watch(ids) as watch:
            text = self._look_again()
            while True:
                if text:
                    yield text
                if self._ended:
                    return
                with paused(self._permit.sock):  # what follows is no answer that is slow to be taken
                    text = self._next(watch)

    def _next(self, watch: Watch) -> str:
        """The next text to send; "" where nothing has changed."""
        time.sleep(self._rest)
        if watch.pause(time.monotonic() + _COMMENT_INTERVAL, self._permit.go_on):
            return self._look_again()
        self._ended = not self._permit.go_on()
        return "" if self._ended else ":\n\n"

    def _look_again(self) -> str:
        began = time.monotonic()
        try:
            with self._app.app_context():
                now = self._look(self._client, self._id)
        except BrokerUnavailable:  # the stream goes on when Redis is back
            return ""
        except OcrError as exc:
            self._ended = True
            return f"event: gone\ndata: {json.dumps({'detail': exc.message, 'code': exc.code})}\n\n"
        finally:
            self._rest = min(_LOOK_SHARE * (time.monotonic() - began), _MAX_REST)
        self._ended = now.final
        if now.id == self._last:
            return ""
        self._last = now.id
        return now.event
