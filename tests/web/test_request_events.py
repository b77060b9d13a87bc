"""Each answered request is announced once to every listener, with its status and duration."""

from io import BytesIO

import pytest
from flask.testing import FlaskClient

from tests.testlib.processes import png
from tests.testlib.worker_double import Facade
from web import request_events
from web.request_events import RequestDone


@pytest.fixture
def done(facade: Facade) -> tuple[FlaskClient, list[RequestDone]]:
    """A facade, and the events of its requests."""
    http, events = facade(), list[RequestDone]()
    request_events.announce_requests(http.application, [events.append])
    return http, events


def test_each_request_is_one_event(done: tuple[FlaskClient, list[RequestDone]]) -> None:
    http, events = done
    assert http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}).status_code == 202
    assert http.get("/stats").status_code == 200
    assert http.get("/nowhere").status_code == 404
    assert [(event.status, event.request.path) for event in events] == [
        (202, "/ocr"),
        (200, "/stats"),
        (404, "/nowhere"),
    ]
    assert all(0 < event.seconds < 3600 for event in events)


def test_an_event_says_which_tasks_a_request_created_or_which_error_it_is(
    done: tuple[FlaskClient, list[RequestDone]],
) -> None:
    http, events = done
    task = http.post("/ocr/url", json={"url": "http://a/"}).json["task_id"]
    http.post("/ocr/url", json={"url": ""})
    assert events[0].notes.task_ids == {"task_id": task}
    assert events[1].notes.code == "bad_request"
