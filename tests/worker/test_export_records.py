"""The steps of an export in Redis: what may be asked for and begun, and who may still say how it stands."""

import time

import pytest

from ocr_celery.client import Client
from ocr_celery.core.export_request import ExportRequest, page_image
from ocr_celery.core.export_status import ExportStatus
from ocr_celery.core.status import Status
from ocr_celery.errors import ExportFailed, NoResult, PageDeadline
from ocr_celery.store.exports import CHANGED, GONE, SUPERSEDED, UNREAD, Exports
from ocr_celery.task_results import completed_record, failed_record
from tests.testlib.processes import keys, png


@pytest.fixture
def exports(client: Client) -> Exports:
    return Exports(client.redis, client.keys, keep=1000)


def end(client: Client, id: str, state: str) -> None:
    """The task ends in this state."""
    now = time.time()
    meta = (
        completed_record(id, {"text": "words"}, now) if state == "SUCCESS" else failed_record(id, PageDeadline(), now)
    )
    client._registry.transition(id, state, now=now, meta=meta, meta_keep=1000)


@pytest.mark.parametrize("state", ["PENDING", "FAILURE"])
def test_a_form_of_a_result_is_neither_queued_nor_begun_while_there_is_none(
    client: Client, exports: Exports, state: str
) -> None:
    id = client.submit_image(png())
    if state != "PENDING":
        end(client, id, state)
    export, now = ExportRequest(id, "zip"), time.time()
    with pytest.raises(NoResult):
        exports.ask(export, "message", now=now)
    assert exports.begin(export, by="e1", now=now) == UNREAD
    assert exports.look_up(export) is None
    assert not client.redis.llen(keys.of_exporters.queue)


def test_it_is_once_there_is_one_and_a_page_of_an_open_document_is_at_any_time(
    client: Client, exports: Exports
) -> None:
    id, now = client.submit_image(png()), time.time()
    shown, export = page_image(id, 1, annotated=False), ExportRequest(id, "zip")
    assert exports.ask(shown, "message", now=now) is not None
    assert exports.begin(shown, by="e1", now=now) == 1
    end(client, id, "SUCCESS")
    assert exports.ask(export, "message", now=now) is not None
    assert exports.begin(export, by="e1", now=now) == 1


@pytest.fixture
def export(client: Client) -> ExportRequest:
    id = client.submit_image(png())
    end(client, id, "SUCCESS")
    return ExportRequest(id, "zip")


def test_what_an_exporter_says_counts_no_more_once_another_has_begun(
    client: Client, exports: Exports, export: ExportRequest
) -> None:
    now = time.time()
    assert exports.begin(export, by="e1", now=now - 100) == 1
    assert exports.ask(export, "message", now=now) is not None  # it was silent for too long
    assert exports.note_alive(export, by="e1", now=now) == CHANGED  # nobody else has begun it
    assert exports.begin(export, by="e2", now=now) == 1
    assert exports.note_alive(export, by="e1", now=now) == SUPERSEDED
    assert exports.fail(export, ExportFailed(), by="e1", now=now) == SUPERSEDED
    assert exports.give_back(export, tries=0, by="e1", now=now) == SUPERSEDED
    assert exports.complete(export, 3, by="e1", now=now) == SUPERSEDED
    assert exports.look_up(export) == ExportStatus(Status.PROCESSING)
    assert exports.complete(export, 5, by="e2", now=now) == CHANGED
    assert exports.fail(export, ExportFailed(), by="e1", now=now) == SUPERSEDED
    assert exports.look_up(export) == ExportStatus(Status.COMPLETED, 5)
    client.forget(export.task_id)
    assert exports.note_alive(export, by="e2", now=now) == GONE


def test_an_export_that_is_given_back_is_the_next_ones(exports: Exports, export: ExportRequest) -> None:
    now = time.time()
    exports.begin(export, by="e1", now=now)
    assert exports.give_back(export, tries=0, by="e1", now=now) == CHANGED
    assert exports.begin(export, by="e2", now=now) == 1
    assert exports.note_alive(export, by="e2", now=now) == CHANGED
