"""Whoever asks for a task learns in four words how it stands, and gets its text or why there is none."""

import json
import time
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.errors import Cancelled, EmptyFile, Internal, ResultExpired, ResultUnreadable
from ocr_celery.message import COLLECT
from tests.testlib.processes import RedisServer, keys, png
from tests.testlib.worker_double import DAMAGED, FOUND, WorkerDouble, commands

URL = "https://example.com/image.jpg"
KNOWN = {"source": URL, "attempts": 0}  #: what is told of every task beside how it stands
GROUNDED = "<|ref|>title<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n# Title\n"


@pytest.fixture
def id(client: Client) -> str:
    """A task just sent."""
    return client.submit_url(f"{URL}?key=SECRET")


def ask(http: FlaskClient, id: str, query: str = "") -> dict[str, Any]:
    answer = http.get(f"/ocr/{id}{query}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json
    return body


def times(body: dict[str, Any]) -> tuple[float, float]:
    return body.pop("created_at"), body.pop("updated_at")


def test_a_task_just_sent_is_pending(http: FlaskClient, id: str) -> None:
    body = ask(http, id)
    created, updated = times(body)
    assert isinstance(created, float)
    assert created == updated == pytest.approx(time.time(), abs=10)
    assert body == {"task_id": id, "status": "pending", **KNOWN, "position": 0}


def test_a_task_in_the_engine_is_processing(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.start(id)
    body = ask(http, id)
    created, updated = times(body)
    assert created < updated
    assert body == {"task_id": id, "status": "processing", **KNOWN}


def test_a_completed_task_has_its_text(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.start(id)
    worker.complete(id, "# Document Title\n\nDocument content…")
    body = ask(http, id)
    created, updated = times(body)
    assert created < updated
    assert body == {"task_id": id, "status": "completed", **KNOWN, "result": "# Document Title\n\nDocument content…"}


def test_an_empty_page_is_completed_with_no_text(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.complete(id, "")
    assert ask(http, id)["result"] == ""


def test_a_failed_task_says_why_to_people_and_to_programs(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.fail(id, EmptyFile())
    body = ask(http, id)
    times(body)
    assert body == {"task_id": id, "status": "failed", **KNOWN, "error": "The file is empty.", "code": "empty_file"}


def test_what_no_error_of_ours_says_is_not_shown(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.fail(id, RuntimeError("password=hunter2 at /home/me"))
    body = ask(http, id)
    times(body)
    assert body == {"task_id": id, "status": "failed", **KNOWN, "error": Internal().message, "code": "internal_error"}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("PENDING", "pending"),
        ("RECEIVED", "pending"),
        ("RETRY", "pending"),
        ("STARTED", "processing"),
        ("REVOKED", "failed"),
        ("REJECTED", "failed"),
        ("IGNORED", "failed"),
    ],
)
def test_every_state_of_celery_has_its_word(
    http: FlaskClient, worker: WorkerDouble, id: str, state: str, status: str
) -> None:
    worker.store(id, None, state)
    assert ask(http, id)["status"] == status


def test_a_task_that_was_revoked_is_failed_as_cancelled(http: FlaskClient, client: Client, id: str) -> None:
    client.app.backend.mark_as_revoked(id, "terminated")
    body = ask(http, id)
    assert (body["status"], body["error"], body["code"]) == ("failed", Cancelled().message, "cancelled")


def test_an_unknown_id_is_404(http: FlaskClient) -> None:
    answer = http.get("/ocr/550e8400-e29b-41d4-a716-446655440000")
    assert answer.status_code == 404
    assert answer.json == {
        "detail": "Task 550e8400-e29b-41d4-a716-446655440000 not found",
        "code": "task_not_found",
    }


def test_a_batch_asked_for_as_a_page_and_a_page_as_a_batch_say_where_to_ask(
    http: FlaskClient, client: Client, id: str
) -> None:
    batch = client.submit_batch(["http://a/"])
    for path, there in ((f"/ocr/{batch}", f"/ocr/batch/{batch}"), (f"/ocr/batch/{id}", f"/ocr/{id}")):
        answer = http.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "task_not_found")
        assert there in answer.json["detail"]


@pytest.mark.parametrize("id", ["%0a%0d", "<script>", "x" * 5000, "..%2f..", "%00", "%ff", "batch", "ü"])
def test_an_id_that_can_be_none_of_ours_is_404_and_is_not_repeated(http: FlaskClient, id: str) -> None:
    answer = http.get(f"/ocr/{id}")
    assert answer.status_code == 404
    assert answer.json["code"] in ("task_not_found", "not_found")
    assert "<" not in answer.text
    assert len(answer.text) < 200


def test_a_task_whose_result_is_no_longer_kept_is_410(
    http: FlaskClient, worker: WorkerDouble, redis: RedisServer, id: str
) -> None:
    worker.complete(id)
    redis.client.delete(keys.meta(id))  # as when OCR_TASK_TTL has passed
    answer = http.get(f"/ocr/{id}")
    assert answer.status_code == 410
    assert answer.json == {
        "detail": ResultExpired().message,
        "code": "result_expired",
    }


def test_a_result_is_kept_for_the_time_that_is_set_and_its_record_for_twice_as_long(
    worker: WorkerDouble, redis: RedisServer, id: str
) -> None:
    worker.complete(id)
    assert redis.client.ttl(keys.meta(id)) == pytest.approx(3600, abs=10)
    assert redis.client.ttl(keys.task(id)) == pytest.approx(7200, abs=10)


def test_a_final_state_stays(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.complete(id, "once")
    first = ask(http, id)
    worker.start(id)
    worker.fail(id, EmptyFile())
    assert ask(http, id) == first


def test_a_task_sent_by_celery_alone_is_found_once_a_worker_had_it(http: FlaskClient, worker: WorkerDouble) -> None:
    worker.complete("a-foreign-id", "text")
    assert ask(http, "a-foreign-id")["result"] == "text"


@pytest.mark.filterwarnings("ignore:Call to deprecated setex")  # Celery's own call
def test_the_task_that_collects_a_batch_is_no_page(http: FlaskClient, worker: WorkerDouble, client: Client) -> None:
    id = client.submit_batch(["http://a/"])
    worker.store(id, {"total": 1, "outcomes": []}, "SUCCESS", task=COLLECT)
    assert http.get(f"/ocr/{id}").status_code == 404


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_record_that_is_damaged_is_a_task_that_failed_and_is_logged_once(  # noqa: PLR0917
    http: FlaskClient, client: Client, worker: WorkerDouble, id: str, damage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    worker.complete(id)
    damage(client.redis, id)
    body = ask(http, id)
    assert (body["status"], body["code"], body["error"]) == ("failed", "result_unreadable", ResultUnreadable().message)
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    assert isinstance(client.look_up(id).error, ResultUnreadable)


def test_the_name_of_a_file_is_its_source(http: FlaskClient) -> None:
    id = http.post("/ocr", data={"file": (BytesIO(png()), "page 1.png")}).json["task_id"]
    assert ask(http, id)["source"] == "page 1.png"


def test_a_file_without_a_name_has_no_source_and_half_a_character_in_one_is_shown(client: Client) -> None:
    assert client.look_up(client.submit_image(png())).source == ""
    assert client.look_up(client.submit_image(png(), name="\ud800.png")).source == "\\ud800.png"
    assert len(client.look_up(client.submit_image(png(), name="x" * 500)).source) == 120


def test_a_page_that_waits_has_its_place_in_the_queue(
    http: FlaskClient, client: Client, worker: WorkerDouble, id: str
) -> None:
    others = [client.submit_url(URL) for _ in range(3)]
    assert [ask(http, other)["position"] for other in others] == [1, 2, 3]
    worker.start(id)
    assert [ask(http, other)["position"] for other in others] == [0, 1, 2]
    assert "position" not in ask(http, id)


def test_a_task_is_looked_up_in_one_round_trip(client: Client, id: str) -> None:
    assert commands(client, lambda: client.look_up(id)) == ["HMGET", "GET", "ZRANK"]


# -- shapes ------------------------------------------------------------------------------------------------------------


def test_a_grounded_answer_is_shown_as_clean_markdown_unless_it_is_wanted_raw(
    http: FlaskClient, worker: WorkerDouble, id: str
) -> None:
    worker.complete(id, GROUNDED)
    assert ask(http, id)["result"].strip() == "# Title"
    assert ask(http, id, "?format=markdown") == ask(http, id)
    assert ask(http, id, "?format=raw")["result"] == GROUNDED


def test_details_say_how_the_page_was_read(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.complete(id, "text")
    body = ask(http, id, "?details=true")
    times(body)
    assert body == {"task_id": id, "status": "completed", **KNOWN, "result": "text", "details": FOUND}
    assert "details" not in ask(http, id, "?details=false")


def test_how_a_page_was_read_can_be_asked_for_without_its_text(
    http: FlaskClient, worker: WorkerDouble, id: str
) -> None:
    worker.complete(id, "text", cached=True)
    body = ask(http, id, "?text=false&details=true")
    times(body)
    assert body == {"task_id": id, "status": "completed", **KNOWN, "details": {**FOUND, "cached": True}}


def test_a_file_of_more_pages_says_so_unasked(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    pages = {"in_file": 3, "read": 1}
    worker.complete(id, "text", pages=pages)
    body = ask(http, id)
    times(body)
    assert body == {"task_id": id, "status": "completed", **KNOWN, "result": "text", "pages": pages}
    body = ask(http, id, "?details=true")
    times(body)
    assert body == {
        "task_id": id,
        "status": "completed",
        **KNOWN,
        "result": "text",
        "details": {**FOUND, "pages": pages},
    }


def test_a_text_that_the_file_itself_has_says_so_without_being_asked(
    http: FlaskClient, worker: WorkerDouble, id: str
) -> None:
    why = {"code": "page_deadline", "error": "It took too long."}
    worker.complete(id, "text", source="text_layer", failed_reading=why, fonts_missing=True)
    body = ask(http, id)
    times(body)
    assert body == {
        **{"task_id": id, "status": "completed", **KNOWN, "result": "text"},
        **{"text_layer": True, "fonts_missing": True},
    }
    assert ask(http, id, "?details=true")["details"]["failed_reading"] == why


@pytest.mark.parametrize(("query", "names"), [("?format=html", "format"), ("?details=perhaps", "details")])
def test_a_shape_that_does_not_exist_is_422(http: FlaskClient, id: str, query: str, names: str) -> None:
    answer = http.get(f"/ocr/{id}{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    assert answer.json["detail"].startswith(f"{names}: ")


def test_text_is_sent_as_utf_8(http: FlaskClient, worker: WorkerDouble, id: str) -> None:
    worker.complete(id, "文档 – ü 😀")
    answer = http.get(f"/ocr/{id}")
    assert answer.content_type == "application/json"
    assert json.loads(answer.data.decode("utf-8"))["result"] == "文档 – ü 😀"
