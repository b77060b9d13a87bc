"""Who asks for the same export shares it; what cannot be asked for is refused with a sentence."""

import json
from typing import Any

import pytest

from ocr_celery.core.document_options import DocumentOptions, checked_options
from ocr_celery.core.export_request import ExportRequest, page_image
from ocr_celery.core.export_status import ExportStatus
from ocr_celery.core.file_keeping import task_of
from ocr_celery.core.status import Status
from ocr_celery.errors import BadOption, FormatNotAvailable, Internal
from ocr_celery.store.files.contract import is_name


def test_the_same_request_has_the_same_id_and_any_other_another() -> None:
    requests = [
        *(ExportRequest("a", "zip"), ExportRequest("b", "zip")),
        *(page_image("a", number, annotated=drawn) for number in (1, 2) for drawn in (True, False)),
    ]
    assert len({one.id for one in requests}) == len(requests)
    assert ExportRequest("a", "page-image", {"annotated": True, "page": 2}).id == page_image("a", 2, annotated=True).id


@pytest.mark.parametrize("id", ["a", "invoices/2026.pdf", "..", "Grüße"])
def test_the_file_of_an_export_belongs_to_its_task(id: str) -> None:
    name = ExportRequest(id, "zip").file_name
    assert is_name(name)
    assert task_of(name) == id


@pytest.mark.parametrize(
    ("format", "options"),
    [
        *(("exe", {}), ("zip", {"x": 1}), ("page-image", {}), ("page-image", {"page": 0, "annotated": True})),
        *(("page-image", {"page": True, "annotated": True}), ("page-image", {"page": 1, "annotated": 1}), ("zip", [])),
    ],
)
def test_what_there_is_not_is_refused(format: str, options: Any) -> None:
    with pytest.raises(BadOption):
        ExportRequest("a", format, options)


@pytest.mark.parametrize("outputs", ["zip", " zip , zip", ["zip"], ("zip",)])
def test_outputs_are_names_of_formats_that_take_long(outputs: Any) -> None:
    assert DocumentOptions(outputs=outputs).outputs == ("zip",)
    assert checked_options({"outputs": outputs})[0] == {"outputs": outputs}


@pytest.mark.parametrize("outputs", ["md", "zip,exe", "page-image", [1], {"zip": 1}, 5])
def test_other_outputs_are_refused(outputs: Any) -> None:
    with pytest.raises(BadOption, match="outputs: may name "):
        DocumentOptions(outputs=outputs)


def test_no_outputs_are_none() -> None:
    assert DocumentOptions().outputs == DocumentOptions(outputs="").outputs == ()


def test_the_record_of_an_export_says_how_it_stands() -> None:
    read = ExportStatus.from_json
    assert read('{"status": "completed", "size": 12, "at": 1.5}') == ExportStatus(Status.COMPLETED, 12)
    error = read('{"status": "failed", "error": ["FormatNotAvailable", "no pandoc"]}').error
    assert isinstance(error, FormatNotAvailable)
    assert error.message == "no pandoc"
    assert isinstance(read('{"status": "failed", "error": ["KeyError", "private"]}').error, Internal)


@pytest.mark.parametrize("status", ["pending", "processing", "completed"])
def test_an_error_counts_only_while_the_export_has_failed(status: str) -> None:
    record = {"status": status, "error": ["ExportFailed", "no"], "size": 5}
    assert ExportStatus.from_json(json.dumps(record)).error is None
    assert ExportStatus.from_json(json.dumps({**record, "status": "failed"})).error is not None
