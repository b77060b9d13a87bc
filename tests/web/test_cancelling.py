"""The calls that cancel and forget, as a caller of HTTP sees them; no worker is there."""

import pytest
from flask.testing import FlaskClient

from tests.testlib.processes import RedisServer, keys, png
from tests.testlib.worker_double import WorkerDouble

ID = "550e8400-e29b-41d4-a716-446655440000"
URLS = {"urls": ["https://example.com/1.jpg", "https://example.com/2.jpg", "nowhere"]}


def send(http: FlaskClient) -> str:
    import io

    answer = http.post("/ocr", data={"file": (io.BytesIO(png()), "page.png")})
    return str(answer.json["task_id"])


def send_batch(http: FlaskClient) -> tuple[str, list[str]]:
    id = http.post("/ocr/url/batch", json=URLS).json["batch_task_id"]
    return str(id), [item["task_id"] for item in http.get(f"/ocr/batch/{id}").json["results"]]


def test_a_cancelled_page_says_so_and_takes_no_place(http: FlaskClient, redis: RedisServer) -> None:
    id = send(http)
    answer = http.post(f"/ocr/{id}/cancel")
    assert answer.status_code == 200
    assert {key: answer.json[key] for key in ("task_id", "status", "code")} == {
        "task_id": id,
        "status": "failed",
        "code": "cancelled",
    }
    assert http.get(f"/ocr/{id}").json == answer.json == http.post(f"/ocr/{id}/cancel").json
    assert http.get("/stats").json["pending"] == 0
    assert not redis.client.exists(keys.blob(id))


def test_a_finished_page_stays_and_is_answered_as_asked(http: FlaskClient, worker: WorkerDouble) -> None:
    id = send(http)
    worker.complete(id, "# <|ref|>Title<|/ref|>")
    answer = http.post(f"/ocr/{id}/cancel?format=raw&details=true")
    assert (answer.status_code, answer.json) == (200, http.get(f"/ocr/{id}?format=raw&details=true").json)
    assert answer.json["status"] == "completed"


def test_the_finished_pages_of_a_cancelled_batch_stay(http: FlaskClient, worker: WorkerDouble) -> None:
    id, pages = send_batch(http)
    worker.complete(pages[0])
    answer = http.post(f"/ocr/batch/{id}/cancel")
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["completed"], answer.json["failed"]) == ("completed", 1, 2)
    assert [item.get("code") for item in answer.json["results"]] == [None, "cancelled", "bad_url"]


def test_what_a_worker_does_later_changes_nothing(http: FlaskClient, worker: WorkerDouble) -> None:
    cancelled, forgotten = send(http), send(http)
    http.post(f"/ocr/{cancelled}/cancel")
    http.delete(f"/ocr/{forgotten}")
    for id in (cancelled, forgotten):
        worker.start(id)
        worker.complete(id)
    assert http.get(f"/ocr/{cancelled}").json["code"] == "cancelled"
    assert http.get(f"/ocr/{forgotten}").status_code == 404


def test_a_forgotten_page_is_not_found(http: FlaskClient, worker: WorkerDouble, redis: RedisServer) -> None:
    waits, done = send(http), send(http)
    worker.complete(done)
    for id in (waits, done):
        answer = http.delete(f"/ocr/{id}")
        assert (answer.status_code, answer.data) == (204, b"")
        assert http.delete(f"/ocr/{id}").status_code == 204
        assert http.get(f"/ocr/{id}").json == {"detail": f"Task {id} not found", "code": "task_not_found"}
        assert http.post(f"/ocr/{id}/cancel").status_code == 404
        assert not redis.client.exists(keys.blob(id), keys.meta(id))
    assert http.get("/stats").json["total"] == 0


def test_a_forgotten_batch_is_not_found(http: FlaskClient) -> None:
    id, pages = send_batch(http)
    assert [http.delete(f"/ocr/batch/{id}").status_code for _ in range(2)] == [204, 204]
    assert http.get(f"/ocr/batch/{id}").json == {"detail": f"Task {id} not found", "code": "task_not_found"}
    assert {http.get(f"/ocr/{page}").status_code for page in pages} == {404}


def test_a_forgotten_page_of_a_batch_leaves_the_others(http: FlaskClient) -> None:
    id, pages = send_batch(http)
    http.delete(f"/ocr/{pages[0]}")
    assert [item["status"] for item in http.get(f"/ocr/batch/{id}").json["results"]] == ["failed", "pending", "failed"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", f"/ocr/{ID}/cancel"),
        ("post", f"/ocr/batch/{ID}/cancel"),
        ("delete", f"/ocr/{ID}"),
        ("delete", f"/ocr/batch/{ID}"),
    ],
)
def test_an_unknown_id_is_not_found(http: FlaskClient, method: str, path: str, redis: RedisServer) -> None:
    assert getattr(http, method)(path).status_code == 404
    assert not redis.client.keys("*task*")


def test_an_id_of_the_other_kind_is_named(http: FlaskClient) -> None:
    batch, (page, *_) = send_batch(http)
    for path, hint in ((f"/ocr/{batch}", "It is a batch"), (f"/ocr/batch/{page}", "It is a single page")):
        assert hint in http.delete(path).json["detail"]
        assert hint in http.post(f"{path}/cancel").json["detail"]
    assert http.get(f"/ocr/batch/{batch}").json["pending"] == 2


def test_a_query_that_is_not_known_is_refused(http: FlaskClient) -> None:
    id = send(http)
    assert http.post(f"/ocr/{id}/cancel?now=1").status_code == 422
    assert http.delete(f"/ocr/{id}?now=1").status_code == 422
    assert http.get(f"/ocr/{id}").json["status"] == "pending"
