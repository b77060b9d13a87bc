"""A batch is answered as a whole: its counts, its status, and every page in the order in which its URL was given."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.errors import BadUrl, DownloadFailed
from ocr_celery.message import COLLECT
from tests.testlib.processes import RedisServer, keys
from tests.testlib.worker_double import DAMAGED, FOUND, Queued, WorkerDouble, commands

URLS = [f"https://example.com/image{n}.jpg" for n in (1, 2, 3)]

Act = Callable[[WorkerDouble, str], None]
ACTS: dict[str, Act] = {
    "pending": lambda _hand, _id: None,
    "processing": WorkerDouble.start,
    "completed": WorkerDouble.complete,
    "failed": lambda worker, id: worker.fail(id, DownloadFailed()),
}


def send(http: FlaskClient, urls: list[Any]) -> str:
    answer = http.post("/ocr/url/batch", json={"urls": urls})
    assert answer.status_code == 202
    return str(answer.json["batch_task_id"])


def ask(http: FlaskClient, id: str, query: str = "") -> dict[str, Any]:
    answer = http.get(f"/ocr/batch/{id}{query}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json
    return body


def ids(body: dict[str, Any]) -> list[str]:
    return [item["task_id"] for item in body["results"]]


def test_a_batch_in_the_middle_is_answered_field_by_field(http: FlaskClient, worker: WorkerDouble) -> None:
    id = send(http, URLS)
    first, second, third = ids(ask(http, id))
    worker.start(second)
    worker.complete(first, "# Document Title\n\nDocument content…")
    body = ask(http, id)
    names = list(body)
    created, updated = body.pop("created_at"), body.pop("updated_at")
    assert created == pytest.approx(time.time(), abs=10)
    assert created < updated
    assert body == {
        "batch_task_id": id,
        "status": "processing",
        "total": 3,
        "completed": 1,
        "failed": 0,
        "pending": 1,
        "processing": 1,
        "results": [
            {
                "url": URLS[0],
                "task_id": first,
                "status": "completed",
                "attempts": 0,
                "result": "# Document Title\n\nDocument content…",
            },
            {"url": URLS[1], "task_id": second, "status": "processing", "attempts": 0},
            {"url": URLS[2], "task_id": third, "status": "pending", "attempts": 0, "position": 0},
        ],
    }
    assert names == [*body, "created_at", "updated_at"]


def test_a_batch_that_is_done_has_every_text_in_order(http: FlaskClient, worker: WorkerDouble) -> None:
    id = send(http, URLS)
    for n, task in reversed(list(enumerate(ids(ask(http, id)), 1))):
        worker.complete(task, f"# Document {n}")
    body = ask(http, id)
    assert body["status"] == "completed"
    assert [(item["url"], item["result"]) for item in body["results"]] == [
        (url, f"# Document {n}") for n, url in enumerate(URLS, 1)
    ]


@pytest.mark.parametrize(
    ("items", "status"),
    [
        ("pending pending pending", "pending"),
        ("processing pending pending", "processing"),
        ("completed pending pending", "processing"),
        ("failed pending pending", "processing"),
        ("completed processing failed", "processing"),
        ("completed completed completed", "completed"),
        ("completed failed failed", "completed"),
        ("failed failed failed", "failed"),
        ("failed", "failed"),
        ("completed", "completed"),
    ],
)
def test_the_status_of_a_batch_follows_from_its_pages(
    http: FlaskClient, worker: WorkerDouble, items: str, status: str
) -> None:
    acts = items.split()
    id = send(http, URLS[: len(acts)])
    for act, task in zip(acts, ids(ask(http, id)), strict=True):
        ACTS[act](worker, task)
    body = ask(http, id)
    assert body["status"] == status
    assert [item["status"] for item in body["results"]] == acts
    assert body["total"] == len(acts)
    assert {name: body[name] for name in ACTS} == {name: acts.count(name) for name in ACTS}


def test_a_failed_page_says_why_and_the_others_are_as_they_were(http: FlaskClient, worker: WorkerDouble) -> None:
    id = send(http, URLS)
    before = ask(http, id)["results"]
    worker.fail(before[1]["task_id"], DownloadFailed())
    after = ask(http, id)["results"]
    assert after[1] == {
        "url": URLS[1],
        "task_id": before[1]["task_id"],
        "status": "failed",
        "attempts": 0,
        "error": "The URL could not be downloaded.",
        "code": "download_failed",
    }
    assert [after[0], after[2]] == [before[0], {**before[2], "position": 1}]


JSON = "application/json"
BAD = ["", "not a url", "http://[", "ftp://a/", "x" * 1000, "\ud800", "\0", None, 5, 1.5, True, [], {}, ["http://a/"]]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: ascii(bad)[:20])
def test_whatever_stands_among_the_urls_is_an_item_and_refuses_no_other(http: FlaskClient, bad: Any) -> None:
    body = ask(http, send(http, [URLS[0], bad, URLS[2]]))
    assert [item["url"] for item in body["results"]] == [URLS[0], bad, URLS[2]]
    assert len(set(ids(body))) == 3
    assert [item["status"] for item in body["results"]] == ["pending", "failed", "pending"]
    assert body["results"][1]["code"] == "bad_url"


def test_a_malformed_url_is_failed_at_once_takes_no_place_and_is_never_queued(
    http: FlaskClient, client: Client, queued: Queued
) -> None:
    body = ask(http, send(http, ["ftp://a/", URLS[0], "http://[", URLS[1]]))
    assert [item["status"] for item in body["results"]] == ["failed", "pending", "failed", "pending"]
    assert [source for _, source, _ in queued()] == URLS[:2]
    stats = client.stats()
    assert (stats.pending, stats.failed) == (2, 2)
    assert http.get(f"/ocr/{ids(body)[0]}").json["code"] == "bad_url"
    with pytest.raises(BadUrl):
        client.app.AsyncResult(ids(body)[0]).get(timeout=5)


def test_a_batch_of_malformed_urls_is_final_at_once(http: FlaskClient, client: Client, queued: Queued) -> None:
    body = ask(http, send(http, ["nowhere", None, "http://a b/"]))
    assert (body["status"], body["failed"], body["total"]) == ("failed", 3, 3)
    assert client.stats().pending == 0
    ((task, outcomes, options),) = queued()
    assert (task, outcomes) == (COLLECT, [])
    assert [place for place, _ in options["refused"]] == [0, 1, 2]


def test_what_is_refused_goes_when_its_time_has_passed(http: FlaskClient, redis: RedisServer) -> None:
    (id,) = ids(ask(http, send(http, ["nowhere"])))
    assert redis.client.ttl(keys.meta(id)) == pytest.approx(3600, abs=10)
    assert redis.client.ttl(keys.task(id)) == pytest.approx(7200, abs=10)


# -- trouble of one page -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?format=raw", "?details=true"])
def test_a_page_whose_record_is_spoilt_is_failed_and_the_others_are_shown(
    http: FlaskClient, worker: WorkerDouble, redis: RedisServer, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    id = send(http, [f"https://example.com/{n}.jpg" for n in range(2 * len(DAMAGED) + 1)])
    tasks = ids(ask(http, id))
    for task in tasks:
        worker.complete(task, "# Title")
    for damage, task in zip(DAMAGED, tasks[1::2], strict=True):
        damage(redis.client, task)
    body = ask(http, id, query)
    assert [item["status"] for item in body["results"][::2]] == ["completed"] * (len(DAMAGED) + 1)
    assert [item["code"] for item in body["results"][1::2]] == ["result_unreadable"] * len(DAMAGED)
    assert (body["completed"], body["failed"]) == (len(DAMAGED) + 1, len(DAMAGED))
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1


def test_a_page_that_cannot_be_shown_is_failed_whatever_it_raises(
    http: FlaskClient, worker: WorkerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(text: str) -> str:
        if text == "third":
            raise RecursionError
        return text

    monkeypatch.setattr("web.results.to_markdown", show)
    id = send(http, URLS)
    for task, text in zip(ids(ask(http, id)), ("first", "second", "third"), strict=True):
        worker.complete(task, text)
    body = ask(http, id)
    assert [item.get("result") for item in body["results"]] == ["first", "second", None]
    assert (body["results"][2]["code"], body["completed"], body["failed"]) == ("result_unreadable", 2, 1)
    assert http.get(f"/ocr/{ids(body)[2]}").json["code"] == "result_unreadable"


@pytest.mark.parametrize(
    "record",
    [b"", b"{", b"[]", b"null", b'{"created_at": 1}', b'{"created_at": 1, "ids": ["a"], "urls": "[]"}',
     b'{"created_at": 1, "ids": [[]], "urls": "[1]"}', b'{"created_at": "x", "ids": [], "urls": "[]"}'],
)  # fmt: skip
def test_a_batch_whose_own_record_is_spoilt_says_so(http: FlaskClient, redis: RedisServer, record: bytes) -> None:
    id = send(http, URLS)
    redis.client.set(keys.batch(id), record)
    answer = http.get(f"/ocr/batch/{id}")
    assert (answer.status_code, answer.json["code"]) == (410, "result_unreadable")


def test_a_batch_whose_key_holds_something_else_says_so(http: FlaskClient, redis: RedisServer) -> None:
    id = send(http, URLS)
    redis.client.delete(keys.batch(id))
    redis.client.lpush(keys.batch(id), "x")
    assert http.get(f"/ocr/batch/{id}").json["code"] == "result_unreadable"


def test_pages_that_wait_have_their_place_in_the_queue(http: FlaskClient, worker: WorkerDouble) -> None:
    first, second = send(http, URLS), send(http, URLS)
    assert [item["position"] for item in ask(http, first)["results"]] == [0, 1, 2]
    assert [item["position"] for item in ask(http, second)["results"]] == [3, 4, 5]
    worker.start(ids(ask(http, first))[0])
    worker.complete(ids(ask(http, first))[1])
    assert [item.get("position") for item in ask(http, first)["results"]] == [None, None, 0]
    assert [item["position"] for item in ask(http, second)["results"]] == [1, 2, 3]


@pytest.mark.parametrize("bad", ["x" * 99_999, "http://a/" + "x" * 8192, ["é" * 2000], {"x" * 1001: 1}])
def test_an_item_that_is_no_url_and_long_is_kept_as_a_shortened_text(http: FlaskClient, bad: Any) -> None:
    body = ask(http, send(http, [URLS[0], bad]))
    shown = body["results"][1]["url"]
    assert isinstance(shown, str)
    assert len(shown) < 1050
    assert shown.endswith(" characters)")
    assert [item["status"] for item in body["results"]] == ["pending", "failed"]
    assert body["results"][1]["code"] == "bad_url"


def test_a_batch_takes_as_much_of_redis_as_its_urls(http: FlaskClient, redis: RedisServer) -> None:
    before = redis.client.info("memory")["used_memory"]
    send(http, ["é" * 1_300_000])  # 7.8 MB as it is sent
    assert redis.client.info("memory")["used_memory"] - before < 100_000


def test_urls_that_take_too_much_together_are_refused(http: FlaskClient, redis: RedisServer) -> None:
    urls = ["http://a/?" + "é" * 8000] * 480  # 7.7 MB, and 23 MB as Redis would hold them
    answer = http.post("/ocr/url/batch", data=json.dumps({"urls": urls}, ensure_ascii=False), content_type=JSON)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    assert "8 MB" in answer.json["detail"]
    assert redis.client.dbsize() == 0


@pytest.mark.parametrize("prompt", ["é" * 8184, "a" * 8184], ids=["other letters", "letters"])
def test_the_prompt_of_a_batch_is_stored_once(http: FlaskClient, redis: RedisServer, prompt: str) -> None:
    before = redis.client.info("memory")["used_memory"]
    answer = http.post("/ocr/url/batch", json={"urls": ["http://a/"] * 1000, "prompt": prompt})
    assert answer.status_code == 202
    assert redis.client.info("memory")["used_memory"] - before < 5_000_000
    (key,) = redis.client.keys("{ocr}:prompt:*")
    assert json.loads(redis.client.get(key)).endswith(prompt)
    assert redis.client.ttl(key) > 6 * 86400


def test_a_url_given_twice_is_two_pages(http: FlaskClient) -> None:
    body = ask(http, send(http, [URLS[0], URLS[0]]))
    assert body["total"] == 2
    assert len(set(ids(body))) == 2


def test_each_page_of_a_batch_can_be_asked_for_alone(http: FlaskClient, worker: WorkerDouble) -> None:
    (task,) = ids(ask(http, send(http, URLS[:1])))
    worker.complete(task, "text")
    assert http.get(f"/ocr/{task}").json["result"] == "text"


def test_shapes_are_those_of_a_page(http: FlaskClient, worker: WorkerDouble) -> None:
    id = send(http, URLS[:1])
    (task,) = ids(ask(http, id))
    pages = {"in_file": 2, "read": 1}
    worker.complete(task, "<|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\nHello", pages=pages)
    (item,) = ask(http, id)["results"]
    assert item["result"].strip() == "Hello"
    assert item["pages"] == pages
    (item,) = ask(http, id, "?format=raw&details=true")["results"]
    assert item["result"].startswith("<|ref|>")
    assert item["details"] == {**FOUND, "pages": pages}


def test_a_page_whose_result_is_no_longer_kept_is_a_failed_item(
    http: FlaskClient, worker: WorkerDouble, redis: RedisServer
) -> None:
    id = send(http, URLS[:2])
    expired, gone = ids(ask(http, id))
    worker.complete(expired)
    worker.complete(gone)
    redis.client.delete(keys.meta(expired), keys.meta(gone), keys.task(gone))  # as when their times have passed
    body = ask(http, id)
    assert [item["code"] for item in body["results"]] == ["result_expired"] * 2
    assert (body["status"], body["failed"]) == ("failed", 2)


def test_an_unknown_batch_is_404(http: FlaskClient) -> None:
    answer = http.get("/ocr/batch/550e8400-e29b-41d4-a716-446655440001")
    assert answer.status_code == 404
    assert answer.json == {
        "detail": "Task 550e8400-e29b-41d4-a716-446655440001 not found",
        "code": "task_not_found",
    }


def test_a_task_is_no_batch_and_a_batch_no_task(http: FlaskClient) -> None:
    task = http.post("/ocr/url", json={"url": URLS[0]}).json["task_id"]
    assert http.get(f"/ocr/batch/{task}").status_code == 404
    assert http.get(f"/ocr/{send(http, URLS)}").status_code == 404


def test_a_batch_of_1000_urls_is_asked_for_in_one_round_trip_and_one_for_100_pages(
    http: FlaskClient, client: Client
) -> None:
    id = send(http, [f"https://example.com/{n}.jpg" for n in range(1000)])
    ask(http, id)  # Redis has learnt the script
    assert commands(client, lambda: ask(http, id)) == ["GET", *["EVALSHA"] * 10]
