"""Results as HTML, HTML of each block, and the result of one page, as HTTP returns them."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.core.document import page_id
from ocr_celery.errors import PageDeadline
from ocr_celery.export import block_html
from tests.testlib.mutated_answers import PAGE
from tests.testlib.processes import png
from tests.testlib.several_pages import pdf
from tests.testlib.worker_double import WorkerDouble
from tests.web.test_result_files import end_page, get, open_document

FORMS = ("md", "text", "json", "html", "raw", "chunks")
TABLE = "<table><tr><td>Item</td><td>2024</td></tr><tr><td>{}</td><td>7</td></tr></table>"


@pytest.fixture
def image(client: Client, worker: WorkerDouble) -> str:
    """An image that was read."""
    id = client.submit_image(png(), name="Bericht & 2024.png")
    worker.complete(id, PAGE)
    return id


@pytest.fixture
def document(client: Client, worker: WorkerDouble) -> str:
    """A document with pages 1, 2 and 7: one was read, one failed, one is not finished."""
    id = open_document(client)
    end_page(worker, id, 1, PAGE)
    end_page(worker, id, 2, PageDeadline())
    return id


class _Ids(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [str(dict(attrs)["id"])] if dict(attrs).get("id") else []
        if tag not in ("meta", "br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_one_well_formed_document_with_a_place_for_every_page(http: FlaskClient, document: str) -> None:
    answer = get(http, document, "?format=html&partial=true")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert "<title>a</title>" in answer.text
    found = _Ids(answer.text)
    assert (found.open, found.ids) == ([], ["page-1", "page-2", "page-7"])
    assert PageDeadline().message in answer.text
    assert "<code>page_deadline</code>" in answer.text
    assert "Not read yet." in answer.text


def test_html_of_an_image_has_its_name_and_its_text(http: FlaskClient, image: str) -> None:
    text = get(http, image, "?format=html").text
    assert "<title>Bericht &amp; 2024</title>" in text
    assert "<h1>Annual report 2024</h1>" in text
    assert "<math" in text
    assert "page 1" not in text


def test_a_browser_is_told_to_run_and_fetch_nothing(http: FlaskClient, image: str) -> None:
    answer = get(http, image, "?format=html")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', answer.text)
    sent = answer.headers["Content-Security-Policy"]
    assert sent == f"{policy}; frame-ancestors 'none'; sandbox"
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"<script|<link|<img|@import|url\(", answer.text)


def test_the_language_is_said_where_the_letters_tell_it(
    http: FlaskClient, client: Client, worker: WorkerDouble
) -> None:
    for text, language in (
        ("年度报告 2024", "zh"),
        ("日本語のページです", "ja"),
        ("한국어 문서", "ko"),
        ("a report 中", ""),
    ):
        id = client.submit_image(png())
        worker.complete(id, text)
        assert re.findall(r'<section id="page-1"(.*)>', get(http, id, "?format=html").text) == [
            f' lang="{language}"' if language else ""
        ]


def test_every_block_has_html_where_it_is_asked_for(http: FlaskClient, image: str) -> None:
    plain = get(http, image, "?format=json").json["pages"][0]["blocks"]
    blocks = get(http, image, "?format=json&render=html").json["pages"][0]["blocks"]
    assert all("html" in block for block in blocks)
    assert blocks[0]["html"] == "<h1>Annual report 2024</h1>"
    assert [block["text"] for block in blocks] == [block["text"] for block in plain]
    assert get(http, image, "?render=xml").status_code == 422


def test_a_block_that_cannot_be_rendered_is_its_source(
    http: FlaskClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> str:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(block_html, "markdown_html", broken)
    text = get(http, image, "?format=html").text
    assert "<pre># Annual report 2024</pre>" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("form", FORMS)
def test_one_page_of_a_document_can_be_had_as_soon_as_it_is_read(http: FlaskClient, document: str, form: str) -> None:
    answer = get(http, document, f"?format={form}&page=1")
    assert answer.status_code == 200
    assert "Annual report 2024" in answer.text
    assert "page_deadline" not in answer.text
    assert "X-Ocr-Status" not in answer.headers
    assert 'filename="a.page-1.' in answer.headers["Content-Disposition"]


def test_one_page_keeps_its_number_and_its_documents_id(
    http: FlaskClient, client: Client, worker: WorkerDouble
) -> None:
    id = open_document(client)
    end_page(worker, id, 7, "seven")
    body = get(http, id, "?format=json&page=7").json
    assert (body["task_id"], body["status"], [page["page"] for page in body["pages"]]) == (id, "completed", [7])
    assert get(http, id, "?page=7").text == "seven\n"


def test_a_page_that_is_not_there_says_so(http: FlaskClient, document: str, image: str) -> None:
    for id, page in ((document, 3), (document, 8), (image, 2)):
        answer = get(http, id, f"?page={page}")
        assert (answer.status_code, answer.json["code"]) == (404, "task_not_found")
        assert f"page {page}" in answer.json["detail"].lower()
    for wrong in ("0", "-1", "x", "1-2"):
        answer = get(http, document, f"?page={wrong}")
        assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    failed, waits = get(http, document, "?page=2"), get(http, document, "?page=7")
    assert (failed.status_code, failed.json["code"]) == (409, "page_deadline")
    assert (waits.status_code, waits.json["task_id"]) == (202, page_id(document, 7))


def test_the_page_of_an_image_is_its_own(http: FlaskClient, client: Client, worker: WorkerDouble, image: str) -> None:
    assert get(http, image, "?page=1").data == get(http, image).data
    id = client.submit_document(pdf([100]), name="a.pdf", page_range="7")
    worker.complete(id, "seven", page=7)
    assert get(http, id, "?page=7").text == "seven\n"
    assert get(http, id, "?page=1").status_code == 404


def test_tables_that_go_on_are_joined_in_whole_pages_too(
    http: FlaskClient, client: Client, worker: WorkerDouble
) -> None:
    id = open_document(client)
    for number, item in ((1, "a"), (2, "b"), (7, "c")):
        end_page(worker, id, number, TABLE.format(item))
    query = "partial=true&merge_tables=true"
    assert get(http, id, f"?{query}").text == (
        "<!-- page 1 -->\n\n| Item | 2024 |\n| --- | --- |\n| a | 7 |\n| b | 7 |\n\n<!-- page 2 -->\n\n\n\n"
        f"<!-- page 7 -->\n\n{TABLE.format('c')}\n"
    )
    html = get(http, id, f"?format=html&{query}").text
    assert html.count("<table>") == 2
    assert "<thead><tr><th>Item</th><th>2024</th></tr></thead><tbody><tr><td>a</td>" in html
    whole = json.loads(get(http, id, "?format=json&partial=true").text)
    assert [len(page["blocks"]) for page in whole["pages"]] == [1, 1, 1]
