"""The process that makes a searchable PDF has limits, and whatever becomes of it is one error of one export."""

import json
from pathlib import Path

import pytest
from PIL import Image

from ocr_celery.core.placed_line import PlacedLine
from ocr_celery.errors import (
    Internal,
    OcrError,
    PageDeadline,
    PageTooCostly,
    StoreUnavailable,
    UnreadableDocument,
    WrongPassword,
)
from ocr_celery.export import pdf_process
from ocr_celery.export.pdf_child import ERROR_FILE
from ocr_celery.export.pdf_process import write_in_child
from ocr_celery.export.pdf_request import PdfRequest
from ocr_celery.export.searchable_pdf import write_searchable_pdf
from tests.testlib import pdf_readers
from tests.testlib.export_job import GivenJob, block_result, line_result
from tests.testlib.several_pages import pdf, tiff
from tests.testlib.text_pdf import latin, text_pdf

LINE = PlacedLine(100, 100, 900, 140, "a line of the page")


def _job(folder: Path, data: bytes, kind: str, *results: object) -> GivenJob:
    (folder / "given").write_bytes(data)
    return GivenJob(folder / "given", kind, results, folder)  # type: ignore[arg-type]


def _request(folder: Path, data: bytes) -> PdfRequest:
    (folder / "given").write_bytes(data)
    (folder / "texts").write_text("[1, 0, 0, []]\n")
    return PdfRequest(
        source=folder / "given",
        kind="pdf",
        password="",
        texts=folder / "texts",
        folder=folder,
        target=folder / "made.pdf",
        max_pixels=1_000_000,
    )


def test_the_pages_of_a_document_become_searchable_but_those_that_failed(tmp_path: Path) -> None:
    data = pdf([300, 320, 340])
    job = _job(tmp_path, data, "pdf", line_result(1190, 400, LINE), PageDeadline(), block_result(1190, 400, "no place"))
    found = pdf_readers.pdfium(write_searchable_pdf(job))
    assert [text.strip() for text in found] == ["a line of the page", "", "no place"]


def test_pages_of_a_tiff_and_their_numbers(tmp_path: Path) -> None:
    job = _job(tmp_path, tiff([300, 320, 340]), "tiff", line_result(1190, 400, LINE), line_result(1190, 400, LINE))
    job.first = 2
    assert [text.strip() for text in pdf_readers.pdfium(write_searchable_pdf(job))] == [LINE.text] * 2


TEXT_AND_TABLE = (
    "<|ref|>text<|/ref|><|det|>[[100, 100, 900, 300]]<|/det|>\nsome words\n\n"
    "<|ref|>table<|/ref|><|det|>[[100, 400, 900, 600]]<|/det|>\n<table><tr><td>one</td><td>two</td></tr></table>\n"
)


def _without_picture(job: GivenJob, error: OcrError) -> GivenJob:
    def picture(_: int) -> Image.Image:
        raise error

    job.picture = picture  # type: ignore[method-assign]
    return job


def test_a_page_that_cannot_be_shown_has_its_text_all_the_same(tmp_path: Path) -> None:
    job = _without_picture(_job(tmp_path, pdf([300]), "pdf", block_result(1190, 400, TEXT_AND_TABLE)), PageTooCostly())
    (found,) = pdf_readers.pdfium(write_searchable_pdf(job))
    assert found.split() == ["some", "words", "one", "two"]


def test_a_pdf_that_would_lack_text_for_no_fault_of_the_file_is_not_made(tmp_path: Path) -> None:
    job = _job(tmp_path, pdf([300]), "pdf", block_result(1190, 400, TEXT_AND_TABLE))
    with pytest.raises(StoreUnavailable):
        write_searchable_pdf(_without_picture(job, StoreUnavailable()))


def test_a_page_whose_result_is_the_pdf_s_own_text_has_it_once(tmp_path: Path) -> None:
    result = block_result(1190, 1684, "Its own words") | {"source": "text_layer"}
    job = _job(tmp_path, text_pdf(latin("Its own words")), "pdf", result)
    assert [text.strip() for text in pdf_readers.pdfium(write_searchable_pdf(job))] == ["Its own words"]


@pytest.mark.parametrize("data", [b"%PDF-1.4 and no more", b"%PDF-1.7\n" + b"1 0 obj<</Kids[1 0 R]>>" * 100])
def test_the_error_of_a_file_is_that_of_its_export(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnreadableDocument):
        write_in_child(_request(tmp_path, data), 60)


def test_it_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    with pytest.raises(PageTooCostly, match="more time"):
        write_in_child(_request(tmp_path, pdf([300])), 0.001)


def test_it_is_killed_when_the_exporter_is_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(BaseException):
        pass

    def stop() -> None:
        raise Stopped

    monkeypatch.setattr(pdf_process, "_CHECK_INTERVAL", 0.0)
    with pytest.raises(Stopped):
        write_in_child(_request(tmp_path, pdf([300])), 60, stop)
    assert not (tmp_path / "made.pdf").exists()


def test_it_has_so_much_memory_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_process, "_BASE_BYTES", 8 << 20)
    with pytest.raises(OcrError):
        write_in_child(_request(tmp_path, pdf([300])), 60)
    assert not (tmp_path / "made.pdf").exists()


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (["WrongPassword", "No.", ""], WrongPassword, "No."),
        (["WrongPassword", "\x1b[31m", ""], WrongPassword, WrongPassword().message),
        (["os.system", "x", ""], Internal, "x"),
        (["Internal", "", "a place"], Internal, Internal().message),
        ([], Internal, Internal().message),
        ({"a": 1}, Internal, Internal().message),
        ("x" * 200_000, Internal, Internal().message),
    ],
)
def test_what_it_says_is_not_trusted(tmp_path: Path, answer: object, error: type[OcrError], message: str) -> None:
    (tmp_path / ERROR_FILE).write_text(json.dumps(answer))
    found = pdf_process._error(tmp_path / ERROR_FILE)
    assert (type(found), found.message) == (error, message)
