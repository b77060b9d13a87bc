"""What HTTP returns of a result's tables: CSV and spreadsheets in which nothing runs, and a sentence where there are none."""

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.core import result_page
from ocr_celery.core.blocks import PageBlock, page_blocks
from ocr_celery.core.document import PageSet, assemble
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.errors import BrokerUnavailable, NoTables, PageDeadline
from tests.testlib.mutated_answers import PAGE
from tests.testlib.processes import png
from tests.testlib.spreadsheet import Spreadsheet
from tests.testlib.worker_double import WorkerDouble
from tests.web.test_result_files import end_page, get, open_document
from web.result_sheets import sheet_pieces

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HOSTILE = "<table><tr><td>=1+1</td><td>-12.5</td><td>http://a/</td></tr><tr><td>@SUM(A1)</td><td>007</td><td>+3</td></tr></table>"
LONG = "<table><tr><td>Item</td><td>Price</td></tr><tr><td>{}</td><td>1.50</td></tr></table>"


@pytest.fixture
def image(client: Client, worker: WorkerDouble) -> str:
    """An image with two tables."""
    id = client.submit_image(png(), name="Bericht 2024.png")
    worker.complete(id, PAGE)
    return id


@pytest.fixture
def document(client: Client, worker: WorkerDouble) -> str:
    """A document whose table goes on on its second page; the last page could not be read."""
    id = open_document(client)
    found = [end_page(worker, id, n, r) for n, r in ((1, LONG.format("a")), (2, LONG.format("b")), (7, PageDeadline()))]
    worker.store(id, assemble(PageSet(9, "1-2,7"), found), "SUCCESS", task="ocr.assemble")
    return id


def read(http: FlaskClient, client: Client, worker: WorkerDouble, text: str, query: str) -> Any:
    id = client.submit_url("http://a/")
    worker.complete(id, text)
    return get(http, id, query)


def test_both_formats_have_their_type_and_name(http: FlaskClient, image: str, document: str) -> None:
    for form, kind in (("csv", "text/csv; charset=utf-8"), ("xlsx", XLSX)):
        for id, name in ((image, "Bericht 2024"), (document, "a")):
            answer = get(http, id, f"?format={form}")
            assert (answer.status_code, answer.content_type) == (200, kind)
            assert answer.headers["Content-Disposition"] == f'inline; filename="{name}.{form}"'
            assert http.head(f"/ocr/{id}/result?format={form}").headers["Content-Type"] == kind


def test_csv_has_the_tables_one_after_the_other(http: FlaskClient, image: str) -> None:
    first = "Item,2023,2024\r\nSales & rent,1 < 2,a|b\r\n"
    second = "Both,\r\na,b\r\n"
    assert get(http, image, "?format=csv").data.decode() == f"\ufeff{first}\r\n{second}"
    assert get(http, image, "?format=csv&table=2").data.decode() == f"\ufeff{second}"


def test_a_spreadsheet_has_a_sheet_for_each_table(http: FlaskClient, image: str) -> None:
    book = Spreadsheet(get(http, image, "?format=xlsx").data)
    assert book.names == ["Page 1, table 1", "Page 1, table 2"]
    assert book.cells(0) == {"A1": "Item", "B1": 2023, "C1": 2024, "A2": "Sales & rent", "B2": "1 < 2", "C2": "a|b"}
    assert book.cells(1) == {"A1": "Both", "A2": "a", "B2": "b"}
    assert book.bold(0) == {"A1", "B1", "C1"}
    assert book.widths(0)[0] > book.widths(0)[1] >= 8
    assert Spreadsheet(get(http, image, "?format=xlsx&table=2").data).names == ["Page 1, table 2"]


def test_nothing_of_a_page_runs(http: FlaskClient, client: Client, worker: WorkerDouble) -> None:
    book = Spreadsheet(read(http, client, worker, HOSTILE, "?format=xlsx").data)
    assert book.formulas == 0
    assert book.cells(0) == {"A1": "=1+1", "B1": -12.5, "C1": "http://a/", "A2": "@SUM(A1)", "B2": "007", "C2": 3}
    text = "@"  # what is typed there later stays a text too
    assert book.shown_as(0) == {"A1": text, "B1": "0.0", "C1": text, "A2": text, "B2": text, "C2": "+0;-0;+0"}
    csv = read(http, client, worker, HOSTILE, "?format=csv").data.decode()
    assert csv == "\ufeff'=1+1,-12.5,http://a/\r\n'@SUM(A1),007,+3\r\n"


def test_tables_that_go_on_are_joined_where_that_is_asked_for(http: FlaskClient, document: str) -> None:
    apart, joined = (
        Spreadsheet(get(http, document, f"?format=xlsx{more}").data) for more in ("", "&merge_tables=true")
    )
    assert apart.names == ["Page 1, table 1", "Page 2, table 1", "Missing pages"]
    assert joined.names == ["Page 1, table 1", "Missing pages"]
    assert joined.cells(0) == {"A1": "Item", "B1": "Price", "A2": "a", "B2": 1.5, "A3": "b", "B3": 1.5}
    assert joined.bold(0) == {"A1", "B1"}
    assert joined.shown_as(0)["B3"] == "0.00"
    csv = get(http, document, "?format=csv&merge_tables=true&table=1").data.decode()
    assert csv == "\ufeffItem,Price\r\na,1.50\r\nb,1.50\r\n"


def test_pages_that_are_missing_are_named(http: FlaskClient, document: str) -> None:
    csv, book = get(http, document, "?format=csv"), get(http, document, "?format=xlsx")
    assert csv.data.decode().endswith("\r\n\r\nmissing page,code\r\n7,page_deadline\r\n")
    assert Spreadsheet(book.data).cells(2) == {"A1": "missing page", "B1": "code", "A2": 7, "B2": "page_deadline"}
    assert csv.headers["X-Ocr-Status"] == book.headers["X-Ocr-Status"] == "partial"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_result_without_tables_says_so(
    http: FlaskClient, client: Client, worker: WorkerDouble, document: str, form: str
) -> None:
    id = open_document(client)
    found = [end_page(worker, id, number, "text") for number in (1, 2, 7)]
    worker.store(id, assemble(PageSet(9, "1-2,7"), found), "SUCCESS", task="ocr.assemble")
    answers = [get(http, id, f"?format={form}"), read(http, client, worker, "# Title", f"?format={form}")]
    for answer in answers:
        assert (answer.status_code, answer.json["code"]) == (422, "no_tables")
        assert "such as md or text" in answer.json["detail"]
        assert "Content-Disposition" not in answer.headers
    answer = get(http, document, f"?format={form}&table=3")
    assert (answer.status_code, answer.json["code"]) == (422, "no_such_table")
    assert "The result has 2 table(s)" in answer.json["detail"]
    for wrong in ("-1", "x"):
        assert get(http, document, f"?format={form}&table={wrong}").json["code"] == "bad_request"


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_mistake_of_ours_costs_one_page_only(
    http: FlaskClient, document: str, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def broken(raw: str, **size: int) -> list[PageBlock]:
        if ">a<" in raw:
            raise RuntimeError("hunter2")
        return page_blocks(raw, **size)

    monkeypatch.setattr(result_page, "page_blocks", broken)
    answer = get(http, document, f"?format={form}")
    found = answer.data.decode() if form == "csv" else str(Spreadsheet(answer.data).cells(1))
    assert "result_unreadable" in found
    assert "page_deadline" in found


def test_what_no_cell_can_hold_is_cut_and_what_no_file_can_hold_is_replaced(
    http: FlaskClient, client: Client, worker: WorkerDouble
) -> None:
    text = f"<table><tr><td>{'🙂' * 20_000}</td><td>a\ud800b\ufffec</td></tr></table>"
    cells = Spreadsheet(read(http, client, worker, text, "?format=xlsx").data).cells(0)
    assert cells["A1"] == "🙂" * 16_383 + "…"
    assert str(cells["B1"]).startswith("a?b")
    assert "a?b" in read(http, client, worker, text, "?format=csv").data.decode()


def pieces(pages: Any) -> Any:
    head = ResultHead("id", "completed", is_document=True, is_partial=False)
    return sheet_pieces(head, pages, lambda writer, page: writer.add(page))


def test_no_file_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        yield ResultPage(1, {"text": LONG})
        raise BrokerUnavailable

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BrokerUnavailable):
        list(pieces(broken()))
    with pytest.raises(NoTables):
        list(pieces([ResultPage(1, {"text": "a"})]))
    begun = pieces([ResultPage(1, {"text": LONG})])
    assert next(begun).startswith(b"PK")
    del begun  # the caller hangs up
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_thousand_tables_need_few_files_at_once() -> None:
    most = 0

    def many() -> Any:
        nonlocal most
        for number in range(1, 301):
            yield ResultPage(number, {"text": LONG})
            most = max(most, len(list(Path("/proc/self/fd").iterdir())))

    before = len(list(Path("/proc/self/fd").iterdir()))
    book = Spreadsheet(b"".join(pieces(many())))
    assert len(book.names) == 300
    assert most < before + 20


def test_what_there_is_of_a_document_can_be_had(http: FlaskClient, client: Client, worker: WorkerDouble) -> None:
    id = open_document(client)
    end_page(worker, id, 2, LONG.format("b"))
    csv, book = (get(http, id, f"?partial=true&format={form}") for form in ("csv", "xlsx"))
    assert csv.data.decode() == "\ufeffItem,Price\r\nb,1.50\r\n\r\nmissing page,code\r\n1,pending\r\n7,pending\r\n"
    assert Spreadsheet(book.data).names == ["Page 2, table 1", "Missing pages"]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_where_redis_goes_away_before_the_first_table_it_is_503(
    http: FlaskClient, document: str, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def broken(*_: object) -> Iterator[ResultPage]:
        yield ResultPage(1, {"text": "no table"})
        raise BrokerUnavailable

    monkeypatch.setattr(Client, "page_results", broken)
    answer = get(http, document, f"?format={form}")
    assert (answer.status_code, answer.json["code"]) == (503, "broker_unavailable")
    assert "Retry-After" in answer.headers
