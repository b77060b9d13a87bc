"""A batch is answered as a whole: its counts, its status, and every page in the order in which its URL was given."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hand import FOUND, Hand, commands
from nodes import RedisServer, keys

from ocr_celery.client import Client
from ocr_celery.errors import DownloadFailed

URLS = [f"https://example.com/image{n}.jpg" for n in (1, 2, 3)]

Act = Callable[[Hand, str], None]
ACTS: dict[str, Act] = {
    "pending": lambda _hand, _id: None,
    "processing": Hand.start,
    "completed": Hand.complete,
    "failed": lambda hand, id: hand.fail(id, DownloadFailed()),
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


def test_a_batch_in_the_middle_is_answered_field_by_field(http: FlaskClient, hand: Hand) -> None:
    id = send(http, URLS)
    first, second, third = ids(ask(http, id))
    hand.start(second)
    hand.complete(first, "# Document Title\n\nDocument content…")
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
                "result": "# Document Title\n\nDocument content…",
            },
            {"url": URLS[1], "task_id": second, "status": "processing"},
            {"url": URLS[2], "task_id": third, "status": "pending"},
        ],
    }
    assert names == [*body, "created_at", "updated_at"]


def test_a_batch_that_is_done_has_every_text_in_order(http: FlaskClient, hand: Hand) -> None:
    id = send(http, URLS)
    for n, task in reversed(list(enumerate(ids(ask(http, id)), 1))):
        hand.complete(task, f"# Document {n}")
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
def test_the_status_of_a_batch_follows_from_its_pages(http: FlaskClient, hand: Hand, items: str, status: str) -> None:
    acts = items.split()
    id = send(http, URLS[: len(acts)])
    for act, task in zip(acts, ids(ask(http, id)), strict=True):
        ACTS[act](hand, task)
    body = ask(http, id)
    assert body["status"] == status
    assert [item["status"] for item in body["results"]] == acts
    assert body["total"] == len(acts)
    assert {name: body[name] for name in ACTS} == {name: acts.count(name) for name in ACTS}


def test_a_failed_page_says_why_and_the_others_are_as_they_were(http: FlaskClient, hand: Hand) -> None:
    id = send(http, URLS)
    before = ask(http, id)["results"]
    hand.fail(before[1]["task_id"], DownloadFailed())
    after = ask(http, id)["results"]
    assert after[1] == {
        "url": URLS[1],
        "task_id": before[1]["task_id"],
        "status": "failed",
        "error": "The URL could not be downloaded.",
        "code": "download_failed",
    }
    assert [after[0], after[2]] == [before[0], before[2]]


BAD = ["", "not a url", "http://[", "ftp://a/", "x" * 99_999, "\ud800", "\0", None, 5, 1.5, True, [], {}, ["http://a/"]]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: ascii(bad)[:20])
def test_whatever_stands_among_the_urls_is_an_item_and_refuses_no_other(http: FlaskClient, bad: Any) -> None:
    body = ask(http, send(http, [URLS[0], bad, URLS[2]]))
    assert [item["url"] for item in body["results"]] == [URLS[0], bad, URLS[2]]
    assert len(set(ids(body))) == 3


def test_a_url_given_twice_is_two_pages(http: FlaskClient) -> None:
    body = ask(http, send(http, [URLS[0], URLS[0]]))
    assert body["total"] == 2
    assert len(set(ids(body))) == 2


def test_each_page_of_a_batch_can_be_asked_for_alone(http: FlaskClient, hand: Hand) -> None:
    (task,) = ids(ask(http, send(http, URLS[:1])))
    hand.complete(task, "text")
    assert http.get(f"/ocr/{task}").json["result"] == "text"


def test_shapes_are_those_of_a_page(http: FlaskClient, hand: Hand) -> None:
    id = send(http, URLS[:1])
    (task,) = ids(ask(http, id))
    pages = {"in_file": 2, "read": 1}
    hand.complete(task, "<|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\nHello", pages=pages)
    (item,) = ask(http, id)["results"]
    assert item["result"].strip() == "Hello"
    assert item["pages"] == pages
    (item,) = ask(http, id, "?format=raw&details=true")["results"]
    assert item["result"].startswith("<|ref|>")
    assert item["details"] == {**FOUND, "pages": pages}


def test_a_page_whose_result_is_no_longer_kept_is_a_failed_item(
    http: FlaskClient, hand: Hand, redis: RedisServer
) -> None:
    id = send(http, URLS[:2])
    expired, gone = ids(ask(http, id))
    hand.complete(expired)
    hand.complete(gone)
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


def test_a_batch_of_1000_urls_is_asked_for_in_two_round_trips(http: FlaskClient, client: Client) -> None:
    id = send(http, [f"https://example.com/{n}.jpg" for n in range(1000)])
    ask(http, id)  # Redis has learnt the script
    assert commands(client, lambda: ask(http, id)) == ["GET", "EVALSHA"]
