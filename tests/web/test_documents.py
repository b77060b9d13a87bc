"""What HTTP answers about a document: as soon as it was opened, page by page, and whole."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.core.document import PageResult, PageSet, assemble, page_id
from ocr_celery.errors import NoPageRead, OcrError, PageDeadline
from tests.testlib.processes import keys
from tests.testlib.several_pages import pdf, tiff
from tests.testlib.worker_double import FOUND, Queued, WorkerDouble

PAGES = PageSet(9, "1-2,7")


def post(http: FlaskClient, data: bytes, **options: str) -> Any:
    return http.post("/ocr", data={"file": (BytesIO(data), "a.bin"), **options})


@pytest.fixture
def opened(client: Client, worker: WorkerDouble) -> str:
    """A document of which a worker has opened three pages."""
    id = client.submit_document(pdf([100, 101]), name="a.pdf")
    client._registry.transition(id, "RECEIVED", now=5.0)
    client.redis.delete(keys.queue)
    about = {"assembly": "{}", "kind": "pdf", "file": f"blob:{id}", "source": "a.pdf", "options": "{}"}
    known: dict[str, Any] = {"now": 6.0, "queue": keys.queue, "about": about, "meta": json.dumps({"status": "STARTED"})}
    client._registry.documents.expand(id, PAGES, ["1", "2", "7"], meta_keep=100, file_in_redis=True, **known)
    return id


def end_page(worker: WorkerDouble, document: str, number: int, result: str | OcrError, **found: Any) -> None:
    id = page_id(document, number)
    if isinstance(result, OcrError):
        worker.store(id, result, "FAILURE", task="ocr.page")
    else:
        worker.store(id, {"text": result, **FOUND, **found}, "SUCCESS", task="ocr.page")


def counts(body: dict[str, Any]) -> tuple[int, ...]:
    return tuple(body["pages"][name] for name in ("total", "completed", "failed", "processing", "pending"))


@pytest.mark.parametrize("make", [pdf, tiff])
def test_pdf_and_tiff_are_accepted_as_documents_with_their_options(
    http: FlaskClient, queued: Queued, make: Any
) -> None:
    answer = post(http, make([100, 101]), page_range="1-5,r1", text_layer="prefer", cache="false")
    assert answer.status_code == 202
    ((task, source, options),) = queued()
    assert (task, source) == ("ocr.document", f"blob:{answer.json['task_id']}")
    assert options == {"page_range": "1-5,r1", "text_layer": "prefer", "cache": False}


def test_a_password_does_not_travel_in_the_message(http: FlaskClient, queued: Queued, client: Client) -> None:
    for answer in (
        post(http, pdf([100]), password="secret"),
        http.post("/ocr/url", json={"url": "http://a/", "password": "secret"}),
        http.post("/ocr/url/batch", json={"urls": ["http://a/", "http://b/"], "password": "secret"}),
    ):
        id = answer.json.get("task_id") or answer.json["batch_task_id"]
        assert client.redis.get(keys.password(id)) == b"secret"
        assert 0 < client.redis.ttl(keys.password(id)) <= 7 * 86400
    assert "secret" not in json.dumps(queued())


@pytest.mark.parametrize("wrong", ["0", "5-1", "x", "1-", "2,,3"])
def test_a_page_range_that_no_file_accepts_is_422_with_its_code(http: FlaskClient, queued: Queued, wrong: str) -> None:
    answer = post(http, pdf([100]), page_range=wrong)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_page_range")
    assert http.post("/ocr/url", json={"url": "http://a/", "page_range": wrong}).json["code"] == "bad_page_range"
    assert queued() == []


def test_a_wrong_text_layer_is_named(http: FlaskClient) -> None:
    answer = post(http, pdf([100]), text_layer="yes")
    assert (answer.status_code, answer.json["code"]) == (422, "bad_option")
    assert answer.json["detail"].startswith("text_layer: ")


def test_a_document_may_be_larger_than_an_image(facade: Any) -> None:
    http = facade(max_image_size_mb=0.0001, max_document_mb=0.1)
    assert post(http, pdf([100])).status_code == 202
    assert post(http, pdf([100]) + bytes(110_000)).json["code"] == "file_too_large"


def test_before_it_is_opened_a_document_says_nothing_of_pages(http: FlaskClient, client: Client) -> None:
    id = client.submit_document(pdf([100, 101]))
    assert "pages" not in http.get(f"/ocr/{id}").json
    for path in ("pages", "pages/1"):
        answer = http.get(f"/ocr/{id}/{path}")
        assert (answer.status_code, answer.json["code"]) == (409, "not_a_document")


def test_from_the_moment_it_is_opened_a_document_tells_how_many_pages_stand_where(
    http: FlaskClient, worker: WorkerDouble, opened: str
) -> None:
    body = http.get(f"/ocr/{opened}").json
    assert (body["status"], body["expires_at"]) == ("processing", None)
    assert (body["pages"]["in_file"], body["pages"]["range"]) == (9, "1-2,7")
    assert counts(body) == (3, 0, 0, 0, 3)
    worker.store(page_id(opened, 1), None, "STARTED", task="ocr.page")
    end_page(worker, opened, 2, PageDeadline())
    body = http.get(f"/ocr/{opened}").json
    assert counts(body) == (3, 0, 1, 1, 1)
    assert body["failed_pages"] == [{"page": 2, "code": "page_deadline", "error": PageDeadline().message}]
    assert "partial" not in body


def test_a_document_can_be_followed_to_its_end(http: FlaskClient, worker: WorkerDouble, opened: str) -> None:
    with http.get(f"/ocr/{opened}/events") as answer:
        pieces = (piece.decode() for piece in answer.iter_encoded())
        assert json.loads(next_data(pieces))["pages"]["pending"] == 3
        for number in (1, 2, 7):
            end_page(worker, opened, number, "SECRET")
        assert json.loads(next_data(pieces))["pages"]["completed"] > 0
        results = [PageResult(number, {"text": "SECRET", **FOUND}) for number in (1, 2, 7)]
        worker.store(opened, assemble(PAGES, results), "SUCCESS", task="ocr.assemble")
        rest = list(pieces)
    last = json.loads(next(piece for piece in reversed(rest) if "data: " in piece).partition("data: ")[2])
    shown = http.get(f"/ocr/{opened}").json
    assert "SECRET" in shown.pop("result")
    assert last == shown
    assert "SECRET" not in "".join(rest)


def next_data(pieces: Iterator[str]) -> str:
    """The data of the next event of a stream."""
    return next(piece for piece in pieces if "data: " in piece).partition("data: ")[2]


def test_a_page_is_answered_as_an_image_is_as_soon_as_it_is_done(
    http: FlaskClient, worker: WorkerDouble, opened: str
) -> None:
    end_page(worker, opened, 7, "seven")
    body = http.get(f"/ocr/{opened}/pages/7?details=true").json
    assert (body["page"], body["status"], body["result"]) == (7, "completed", "seven")
    assert body["task_id"] == page_id(opened, 7)
    assert body["details"]["width"] == 100
    assert http.get(f"/ocr/{opened}/pages/1").json["status"] == "pending"
    for number in (3, 10):
        answer = http.get(f"/ocr/{opened}/pages/{number}")
        assert (answer.status_code, answer.json["code"]) == (404, "task_not_found")


def test_the_pages_are_listed_in_order_without_texts_and_in_parts(
    http: FlaskClient, worker: WorkerDouble, opened: str
) -> None:
    end_page(worker, opened, 1, "one", verdict="unsure", doubtful_share=0.25)
    end_page(worker, opened, 2, PageDeadline())
    body = http.get(f"/ocr/{opened}/pages").json
    assert [(page["page"], page["status"]) for page in body["pages"]] == [
        (1, "completed"),
        (2, "failed"),
        (7, "pending"),
    ]
    assert (body["pages"][0]["verdict"], body["pages"][0]["doubtful_share"]) == ("unsure", 0.25)
    assert body["pages"][1]["code"] == "page_deadline"
    assert "one" not in json.dumps(body)
    part = http.get(f"/ocr/{opened}/pages?limit=2").json
    assert ([page["page"] for page in part["pages"]], part["next_after"]) == ([1, 2], 2)
    rest = http.get(f"/ocr/{opened}/pages?limit=2&after=2").json
    assert [page["page"] for page in rest["pages"]] == [7]
    assert "next_after" not in rest
    chosen = http.get(f"/ocr/{opened}/pages?page_range=r3-r1").json
    assert [page["page"] for page in chosen["pages"]] == [7]
    assert http.get(f"/ocr/{opened}/pages?page_range=0").json["code"] == "bad_page_range"


def test_a_document_that_is_final_answers_all_pages_and_says_what_is_missing(
    http: FlaskClient, worker: WorkerDouble, opened: str
) -> None:
    results: list[PageResult] = []
    for number, result in ((1, "a <|ref|>title<|/ref|> b"), (2, PageDeadline()), (7, "x <!-- page 9 -->")):
        end_page(worker, opened, number, result)
        results.append(PageResult(number, result if isinstance(result, OcrError) else {"text": result, **FOUND}))
    worker.store(opened, assemble(PAGES, results), "SUCCESS", task="ocr.assemble")
    body = http.get(f"/ocr/{opened}").json
    assert (body["status"], body["partial"]) == ("completed", True)
    assert counts(body) == (3, 2, 1, 0, 0)
    assert body["failed_pages"][0]["code"] == "page_deadline"
    assert body["expires_at"] == pytest.approx(body["updated_at"] + 3600)
    assert body["result"].startswith("<!-- page 1 -->\n\n")
    assert "<!-- page 2: page_deadline -->" in body["result"]
    assert "<|ref|>" not in body["result"]
    assert "<|ref|>" in http.get(f"/ocr/{opened}?format=raw").json["result"]
    details = http.get(f"/ocr/{opened}?details=true").json["details"]
    assert (details["verdict"], details["readings"]) == ("ok", 2)
    assert http.get(f"/ocr/{opened}/pages/1").json["status"] == "completed"


def test_a_document_of_which_no_page_was_read_names_them_all(
    http: FlaskClient, worker: WorkerDouble, opened: str
) -> None:
    for number in (1, 2, 7):
        end_page(worker, opened, number, PageDeadline())
    worker.store(opened, NoPageRead(), "FAILURE", task="ocr.assemble")
    body = http.get(f"/ocr/{opened}").json
    assert (body["status"], body["code"]) == ("failed", "no_page_read")
    assert [page["page"] for page in body["failed_pages"]] == [1, 2, 7]
    assert "partial" not in body


def test_an_unknown_document_has_no_pages(http: FlaskClient) -> None:
    assert http.get("/ocr/none/pages").status_code == 404
    assert http.get("/ocr/none/pages/1").status_code == 404
