"""What HTTP returns as the result itself: each format of images and documents, with a name, and what stands in its place."""

import json
import signal
import socket
import sys
from collections import deque
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.core import result_page
from ocr_celery.core.blocks import PageBlock, page_blocks
from ocr_celery.core.document import PageResult, PageSet, assemble, page_id
from ocr_celery.core.result_formats import FORMATS
from ocr_celery.errors import NoPageRead, OcrError, PageDeadline, ResultTooLarge
from ocr_celery.settings import Settings
from ocr_celery.store import documents
from tests.testlib.facade_process import served
from tests.testlib.mutated_answers import PAGE
from tests.testlib.processes import RedisServer, keys, png
from tests.testlib.several_pages import pdf
from tests.testlib.worker_double import DAMAGED, FOUND, WorkerDouble, commands
from web import create_app
from web.request_deadline import granted

PAGES = PageSet(9, "1-2,7")


@pytest.fixture
def image(client: Client, worker: WorkerDouble) -> str:
    """An image that was read."""
    id = client.submit_image(png(), name="Bericht 2024.png")
    worker.complete(id, PAGE)
    return id


@pytest.fixture
def opened(client: Client, worker: WorkerDouble) -> str:
    """A document of which a worker has opened three pages."""
    return open_document(client)


def open_document(client: Client, pages: PageSet = PAGES) -> str:
    id = client.submit_document(pdf([100, 101]), name="a.pdf")
    client._registry.transition(id, "RECEIVED", now=5.0)
    client.redis.delete(keys.queue)
    about = {"assembly": "{}", "kind": "pdf", "file": f"blob:{id}", "source": "a.pdf", "options": "{}"}
    known: dict[str, Any] = {"now": 6.0, "queue": keys.queue, "about": about, "meta": json.dumps({"status": "STARTED"})}
    client._registry.documents.expand(
        id, pages, [str(n) for n in pages.numbers], meta_keep=100, file_in_redis=True, **known
    )
    return id


def end_page(worker: WorkerDouble, document: str, number: int, result: str | OcrError) -> PageResult:
    id = page_id(document, number)
    if isinstance(result, OcrError):
        worker.store(id, result, "FAILURE", task="ocr.page")
        return PageResult(number, result)
    worker.store(id, {"text": result, **FOUND}, "SUCCESS", task="ocr.page")
    return PageResult(number, {"text": result, **FOUND})


@pytest.fixture
def read(worker: WorkerDouble, opened: str) -> str:
    """A document of which one page could not be read."""
    found = [end_page(worker, opened, n, r) for n, r in ((1, PAGE), (2, PageDeadline()), (7, "seven\f_7_"))]
    worker.store(opened, assemble(PAGES, found), "SUCCESS", task="ocr.assemble")
    return opened


def get(http: FlaskClient, id: str, query: str = "") -> Any:
    return http.get(f"/ocr/{id}/result{query}")


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("md", ("text/markdown; charset=utf-8", ".md")),
        ("text", ("text/plain; charset=utf-8", ".txt")),
        ("json", ("application/json", ".json")),
        ("raw", ("text/plain; charset=utf-8", ".raw.txt")),
        ("html", ("text/html; charset=utf-8", ".html")),
        ("chunks", ("application/json", ".chunks.json")),
    ],
)
def test_each_format_has_its_type_and_name(
    http: FlaskClient, image: str, read: str, form: str, kind: tuple[str, str]
) -> None:
    media_type, suffix = kind
    for id, name in ((image, "Bericht 2024"), (read, "a")):
        answer = get(http, id, f"?format={form}")
        assert answer.status_code == 200
        assert answer.content_type == media_type
        assert answer.headers["Content-Disposition"] == f'inline; filename="{name}{suffix}"'
        assert answer.data.endswith(b"\n")


def test_markdown_is_the_default_and_what_the_status_shows(http: FlaskClient, image: str, read: str) -> None:
    for id in (image, read):
        assert get(http, id).text == http.get(f"/ocr/{id}").json["result"] + "\n"
        raw = http.get(f"/ocr/{id}?format=raw").json["result"]
        assert get(http, id, "?format=raw").text == raw + "\n"


def test_text_has_no_markup(http: FlaskClient, image: str) -> None:
    lines = get(http, image, "?format=text").text.split("\n")
    assert lines[0] == "Annual report 2024"
    assert "Sales & rent\t1 < 2\ta|b" in lines
    assert "附注" in lines


def test_pages_of_a_text_are_parted_by_form_feeds_and_none_is_silently_empty(http: FlaskClient, read: str) -> None:
    first, second, last = get(http, read, "?format=text").text.split("\f")
    assert first.startswith("Annual report 2024\n\n")
    assert (second, last) == ("[page 2: page_deadline]\n", "seven\n_7_\n")


def test_json_has_blocks_in_pixels(http: FlaskClient, image: str) -> None:
    body = get(http, image, "?format=json").json
    assert (body["task_id"], body["status"], body["partial"]) == (image, "completed", False)
    (page,) = body["pages"]
    blocks = page.pop("blocks")
    assert page == {"page": 1, "status": "completed", "width": 100, "height": 20, "verdict": "ok", "source": "engine"}
    assert blocks[0] == {"label": "title", "boxes": [[5, 1, 51, 3]], "text": "Annual report 2024"}
    assert [block["label"] for block in blocks if "html" in block] == ["table", "table"]


@pytest.mark.parametrize(("named", "number"), [(7, 7), (1, 1), ("7", 1), (0, 1), (True, 1), (None, 1)])
def test_one_page_of_a_file_keeps_its_number(
    http: FlaskClient, client: Client, worker: WorkerDouble, named: object, number: int
) -> None:
    id = client.submit_document(pdf([100]), name="a.pdf", page_range="7")
    worker.complete(id, "seven", page=named)
    assert [page["page"] for page in get(http, id, "?format=json").json["pages"]] == [number]
    assert [chunk["pages"] for chunk in get(http, id, "?format=chunks").json["chunks"]] == [[number]]


def test_json_of_a_document_has_every_page_and_says_which_are_missing(http: FlaskClient, read: str) -> None:
    answer = get(http, read, "?format=json")
    assert answer.headers["X-Ocr-Status"] == "partial"
    body = answer.json
    assert body["partial"] is True
    assert [(page["page"], page["status"]) for page in body["pages"]] == [
        (1, "completed"),
        (2, "failed"),
        (7, "completed"),
    ]
    assert body["pages"][1] == {"page": 2, "status": "failed", "code": "page_deadline", "error": PageDeadline().message}
    assert body["pages"][2]["blocks"] == [{"label": "text", "boxes": [], "text": "seven\f_7_"}]


def test_chunks_know_their_pages_and_which_are_missing(http: FlaskClient, image: str, read: str) -> None:
    body = get(http, image, "?format=chunks").json
    first, second = body["chunks"]
    assert (first["headings"], second["headings"]) == (["Annual report 2024"], ["Annual report 2024", "附注"])
    assert (body["partial"], body["missing_pages"]) == (False, [])
    body = get(http, read, "?format=chunks&chunk_size=50000").json
    assert [chunk["pages"] for chunk in body["chunks"]] == [[1], [1, 7]]
    assert (body["partial"], body["missing_pages"]) == (True, [{"page": 2, "code": "page_deadline"}])
    for wrong in ("0", "199", "50001", "x"):
        assert get(http, image, f"?format=chunks&chunk_size={wrong}").status_code == 422


def test_the_source_of_a_pdfs_own_text_is_told(http: FlaskClient, client: Client, worker: WorkerDouble) -> None:
    id = client.submit_url("http://a/")
    worker.complete(id, "1\\. \\*a\\*", source="text_layer", width=None, verdict="empty")
    (page,) = get(http, id, "?format=json").json["pages"]
    assert (page["source"], page["verdict"], page["width"]) == ("text_layer", "empty", 0)
    assert page["blocks"] == [{"label": "text", "boxes": [], "text": "1. *a*"}]


def test_before_it_is_ready_it_is_202_with_its_status(http: FlaskClient, client: Client, opened: str) -> None:
    waiting = client.submit_image(png())
    for id, status in ((waiting, "pending"), (opened, "processing")):
        answer = get(http, id)
        assert (answer.status_code, answer.json["status"]) == (202, status)
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Location"] == f"/ocr/{id}"
    assert get(http, waiting, "?partial=true").status_code == 202
    assert answer.json["pages"]["total"] == 3


def test_what_there_is_of_a_document_can_be_had(http: FlaskClient, worker: WorkerDouble, opened: str) -> None:
    end_page(worker, opened, 2, "two")
    answer = get(http, opened, "?partial=true")
    assert (answer.status_code, answer.headers["X-Ocr-Status"]) == (200, "partial")
    assert answer.text == "<!-- page 1: pending -->\n\n<!-- page 2 -->\n\ntwo\n\n<!-- page 7: pending -->\n"
    pages = get(http, opened, "?partial=true&format=json").json["pages"]
    assert [page["status"] for page in pages] == ["pending", "completed", "pending"]
    assert "[page 7: pending]" in get(http, opened, "?partial=true&format=text").text


def test_what_failed_is_409_with_its_own_code(
    http: FlaskClient, client: Client, worker: WorkerDouble, opened: str
) -> None:
    id = client.submit_image(png())
    worker.fail(id, PageDeadline())
    for number in (1, 2, 7):
        end_page(worker, opened, number, PageDeadline())
    worker.store(opened, NoPageRead(), "FAILURE", task="ocr.assemble")
    for task, code in ((id, "page_deadline"), (opened, "no_page_read")):
        for query in ("", "?partial=true", "?format=json"):
            answer = get(http, task, query)
            assert (answer.status_code, answer.json["code"]) == (409, code)
            assert "Content-Disposition" not in answer.headers


def test_pages_that_were_read_before_their_document_failed_can_be_had(
    http: FlaskClient, worker: WorkerDouble, opened: str
) -> None:
    for number in (1, 2, 7):
        end_page(worker, opened, number, f"page {number}")
    worker.store(opened, ResultTooLarge(), "FAILURE", task="ocr.assemble")
    assert get(http, opened).json["code"] == "result_too_large"
    answer = get(http, opened, "?partial=true&format=text")
    assert answer.text == "page 1\n\fpage 2\n\fpage 7\n"


def test_unknown_and_gone_results_are_told_apart(http: FlaskClient, client: Client, image: str, read: str) -> None:
    assert get(http, "none").json["code"] == "task_not_found"
    for id in (image, read):
        client.redis.delete(keys.meta(id))
        answer = get(http, id)
        assert (answer.status_code, answer.json["code"]) == (410, "result_expired")
        client.forget(id)
        assert get(http, id).status_code == 404


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_record_is_410(http: FlaskClient, client: Client, image: str, damage: Any) -> None:
    damage(client.redis, image)
    assert get(http, image).status_code == 410


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_page_harms_no_other(http: FlaskClient, client: Client, read: str, damage: Any) -> None:
    damage(client.redis, page_id(read, 1))
    for form in FORMATS:
        text = get(http, read, f"?format={form}").text
        assert "seven" in text


def test_a_mistake_of_ours_costs_one_page_only(http: FlaskClient, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: str, **size: int) -> list[PageBlock]:
        if "Annual" in raw:
            raise RuntimeError("hunter2")
        return page_blocks(raw, **size)

    monkeypatch.setattr(result_page, "page_blocks", broken)
    assert (
        get(http, read, "?format=text").text == "[page 1: result_unreadable]\n\f[page 2: page_deadline]\n\fseven\n_7_\n"
    )
    codes = [page.get("code") for page in get(http, read, "?format=json").json["pages"]]
    assert codes == ["result_unreadable", "page_deadline", None]
    missing = get(http, read, "?format=chunks").json["missing_pages"]
    assert [page["code"] for page in missing] == ["result_unreadable", "page_deadline"]


def test_a_caller_has_as_much_time_to_take_a_result_as_an_upload_of_its_length(http: FlaskClient, read: str) -> None:
    with socket.socket() as sock:
        answer = http.get(f"/ocr/{read}/result?format=json", environ_overrides={"gunicorn.socket": sock})
        seconds = len(answer.data) / (256 * 1024)
        assert granted(sock) == pytest.approx(seconds)


def test_head_says_what_get_would_without_the_file(http: FlaskClient, image: str, read: str) -> None:
    for id in (image, read):
        head, whole = http.head(f"/ocr/{id}/result?format=json"), get(http, id, "?format=json")
        assert head.data == b""
        for name in ("Content-Type", "Content-Disposition", "X-Ocr-Status"):
            assert head.headers.get(name) == whole.headers.get(name)


def test_an_unknown_format_is_named_and_one_that_is_not_made_here_says_which_are(http: FlaskClient, image: str) -> None:
    answer = get(http, image, "?format=rtf")
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    assert answer.json["detail"].startswith("format: should be 'md'")
    for form in ("zip", "pdf", "docx"):
        answer = get(http, image, f"?format={form}")
        assert (answer.status_code, answer.json["code"]) == (501, "format_not_available")
        assert "md, text, json, html, raw, chunks, csv or xlsx" in answer.json["detail"]


def test_half_a_surrogate_pair_is_no_reason_to_fail(http: FlaskClient, client: Client, worker: WorkerDouble) -> None:
    id = client.submit_url("http://a/")
    worker.complete(id, "a \ud800 b")
    for form in FORMATS:
        assert "a ? b" in get(http, id, f"?format={form}").text


def test_the_texts_of_a_document_are_fetched_as_they_are_sent(
    http: FlaskClient, client: Client, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_RESULTS_PER_TRIP", 1)
    with http.get(f"/ocr/{read}/result") as answer:
        pieces = answer.iter_encoded()
        assert "seven" not in next(pieces).decode()
        assert commands(client, lambda: list(pieces)).count("MGET") == 2
    assert "GET" not in commands(client, lambda: get(http, read)), "the text of the whole is not fetched"


def test_a_result_that_breaks_off_does_not_look_complete(own: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "_RESULTS_PER_TRIP", 1)
    client = Client(Settings(redis_url=own.url), service=True)
    id = open_document(client)
    for number in PAGES.numbers:
        page = page_id(id, number)
        client.redis.set(keys.meta(page), json.dumps({"status": "SUCCESS", "result": {"text": "a"}}))
        client.redis.hset(keys.task(page), "state", "SUCCESS")
    with create_app(client=client).test_client().get(f"/ocr/{id}/result?partial=true") as answer:
        pieces = answer.iter_encoded()
        assert b"page 1" in next(pieces) + next(pieces)
        own.stop(signal.SIGKILL)
        with pytest.raises(ConnectionResetError):
            list(pieces)


@pytest.mark.skipif(sys.platform != "linux", reason="as the other tests with gunicorn")
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_result_that_breaks_off_is_told_from_a_whole_one_whatever_the_caller_speaks(
    own: RedisServer, version: str
) -> None:
    client, pages = Client(Settings(redis_url=own.url), service=True), PageSet(40, "1-40")
    id = open_document(client, pages)
    for number in pages.numbers:
        page = page_id(id, number)
        record = {"status": "SUCCESS", "result": {"text": 1_000_000 * "x"}}  # together more than a connection holds
        client.redis.set(keys.meta(page), json.dumps(record))
        client.redis.hset(keys.task(page), "state", "SUCCESS")
    with served(own.url) as server, socket.create_connection(("127.0.0.1", server.port), timeout=60) as sock:
        sock.sendall(f"GET /ocr/{id}/result?partial=true&format=raw HTTP/{version}\r\nHost: x\r\n\r\n".encode())
        assert sock.recv(12) == f"HTTP/{version} 200".encode()
        own.stop(signal.SIGKILL)
        with pytest.raises(ConnectionResetError):
            deque(iter(lambda: sock.recv(1_000_000), b""), maxlen=0)
