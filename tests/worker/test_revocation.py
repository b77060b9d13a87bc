"""A revoked page is not read, or not read on, and nobody else notices."""

from collections.abc import Iterator

import pytest
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult

from ocr_celery.core.status import Status
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import png, until

SETTINGS = {"OCR_BATCH_SIZE": 2, "OCR_SCRIPTED_SECONDS": 0.2, "OCR_SCRIPTED_SPREAD": 4}
SHORT, LONG = 100, 150  #: widths of pictures that stay 0.2 and 2.2 s in the engine


@pytest.fixture(autouse=True)
def _settled(celery_setup: OcrSetup) -> Iterator[None]:
    yield
    until(celery_setup.is_settled, what="nothing waits, is held, open or left over")
    pool = celery_setup.pool()
    assert (pool["held"], pool["buffered"], pool["running"]) == (0, 0, 0)


def send(celery_setup: OcrSetup, width: int) -> AsyncResult:
    return celery_setup.send("ocr.image", png(width))


def fill(celery_setup: OcrSetup) -> list[AsyncResult]:
    """Two long pages, which are all that fits into the engine."""
    inside = [send(celery_setup, LONG), send(celery_setup, LONG)]
    until(lambda: all(sent.status == "STARTED" for sent in inside))
    return inside


def assert_never_read(celery_setup: OcrSetup, sent: AsyncResult) -> None:
    assert sent.status == "REVOKED"
    with pytest.raises(TaskRevokedError):
        sent.get(timeout=60)
    view = celery_setup.client.look_up(sent.id)
    assert view.status is Status.FAILED
    assert view.error is not None
    assert view.error.code == "cancelled"
    assert f'"{sent.id}"' not in celery_setup.worker.logs()


def test_a_page_that_waits_in_the_queue(celery_setup: OcrSetup) -> None:
    inside = fill(celery_setup)
    waiting = [send(celery_setup, SHORT) for _ in range(12)]
    until(lambda: celery_setup.redis.client.llen("ocr") > 0, what="some are left in the queue")
    celery_setup.revoke(waiting[-1].id)
    assert waiting[-1].status == "REVOKED"
    assert [sent.get(timeout=60)["width"] for sent in inside + waiting[:-1]] == [LONG] * 2 + [SHORT] * 11
    assert_never_read(celery_setup, waiting[-1])


@pytest.mark.parametrize("terminate", [False, True])
def test_a_page_that_is_buffered(celery_setup: OcrSetup, terminate: bool) -> None:
    inside = fill(celery_setup)
    off, neighbour = send(celery_setup, SHORT), send(celery_setup, SHORT)
    until(lambda: celery_setup.pool()["buffered"] == 2)
    celery_setup.revoke(off.id, terminate=terminate)
    assert off.status == "REVOKED"
    assert [sent.get(timeout=60)["width"] for sent in [*inside, neighbour]] == [LONG, LONG, SHORT]
    assert_never_read(celery_setup, off)


def test_a_page_that_is_read_and_terminated_frees_its_place_at_once(celery_setup: OcrSetup) -> None:
    off, neighbour = fill(celery_setup)
    next_one = send(celery_setup, SHORT)
    until(lambda: celery_setup.pool()["buffered"] == 1)
    celery_setup.revoke(off.id, terminate=True)
    assert next_one.get(timeout=60)["width"] == SHORT
    assert neighbour.status == "STARTED", "the next one came in before a place was free by itself"
    assert neighbour.get(timeout=60)["width"] == LONG
    assert_never_read(celery_setup, off)


def test_a_page_that_is_read_already_is_read_to_its_end_unless_terminated(celery_setup: OcrSetup) -> None:
    late, _ = fill(celery_setup)
    celery_setup.revoke(late.id)
    assert late.get(timeout=60)["width"] == LONG
    assert late.status == "SUCCESS"


def test_a_page_that_is_finished_stays_finished(celery_setup: OcrSetup) -> None:
    done = send(celery_setup, SHORT)
    assert done.get(timeout=60)["width"] == SHORT
    celery_setup.revoke(done.id, terminate=True)
    assert done.status == "SUCCESS"
    assert celery_setup.client.look_up(done.id).status is Status.COMPLETED


def test_a_page_that_waits_for_its_time(celery_setup: OcrSetup) -> None:
    later = celery_setup.send("ocr.image", png(SHORT), countdown=1)
    until(lambda: celery_setup.inspect().scheduled()[celery_setup.worker.hostname()])
    celery_setup.revoke(later.id)
    assert later.status == "REVOKED"
    until(celery_setup.is_settled, what="its time has come")
    assert_never_read(celery_setup, later)


def test_a_page_that_was_delivered_twice_is_gone_with_both_messages(celery_setup: OcrSetup) -> None:
    fill(celery_setup)
    off = send(celery_setup, SHORT)
    until(lambda: celery_setup.pool()["buffered"] == 1)
    send_again(celery_setup, off)
    until(lambda: "duplicate delivery: task " in celery_setup.worker.logs())
    celery_setup.revoke(off.id)
    assert_never_read(celery_setup, off)


def send_again(celery_setup: OcrSetup, sent: AsyncResult) -> None:
    """A second message of the same task."""
    celery_setup.send("ocr.image", png(SHORT), task_id=sent.id)


def test_all_pages_of_a_batch_by_its_id(celery_setup: OcrSetup, origin: Origin) -> None:
    inside = fill(celery_setup)
    urls = [origin.page(SHORT + n) for n in range(8)]
    batch = celery_setup.client.submit_batch([*urls, "nowhere"])
    celery_setup.revoke(batch)
    view = celery_setup.client.look_up_batch(batch)
    assert view.status is Status.FAILED, "without a wait for their messages"
    assert [task.error and task.error.code for _, task in view.items] == ["cancelled"] * 8 + ["bad_url"]
    summary = celery_setup.result(batch).get(timeout=60, propagate=False)
    assert (summary["total"], summary["failed"]) == (9, 9)
    assert [sent.get(timeout=60)["width"] for sent in inside] == [LONG] * 2


def test_all_pages_of_a_batch_with_those_in_the_engine(celery_setup: OcrSetup, origin: Origin) -> None:
    batch = celery_setup.client.submit_batch([origin.page(LONG), origin.page(LONG), origin.page(SHORT)])
    until(lambda: celery_setup.client.look_up_batch(batch).counts[Status.PROCESSING] == 2)
    celery_setup.revoke(batch, terminate=True)
    until(lambda: celery_setup.client.look_up_batch(batch).status is Status.FAILED)
    assert {task.error and task.error.code for _, task in celery_setup.client.look_up_batch(batch).items} == {
        "cancelled"
    }
