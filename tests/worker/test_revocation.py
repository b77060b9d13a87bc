"""A revoked page is not read, or not read on, and nobody else notices."""

from collections.abc import Iterator

import pytest
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult

from ocr_celery.core.status import Status
from tests.testlib.celery_client import Service
from tests.testlib.image_server import Origin
from tests.testlib.processes import png, until

SETTINGS = {"OCR_BATCH_SIZE": 2, "OCR_SCRIPTED_SECONDS": 0.2, "OCR_SCRIPTED_SPREAD": 4}
SHORT, LONG = 100, 150  #: widths of pictures that stay 0.2 and 2.2 s in the engine


@pytest.fixture(autouse=True)
def _settled(service: Service) -> Iterator[None]:
    yield
    until(service.is_settled, what="nothing waits, is held, open or left over")
    pool = service.pool()
    assert (pool["held"], pool["buffered"], pool["running"]) == (0, 0, 0)


def send(service: Service, width: int) -> AsyncResult:
    return service.send("ocr.image", png(width))


def fill(service: Service) -> list[AsyncResult]:
    """Two long pages, which are all that fits into the engine."""
    inside = [send(service, LONG), send(service, LONG)]
    until(lambda: all(sent.status == "STARTED" for sent in inside))
    return inside


def assert_never_read(service: Service, sent: AsyncResult) -> None:
    assert sent.status == "REVOKED"
    with pytest.raises(TaskRevokedError):
        sent.get(timeout=60)
    view = service.client.look_up(sent.id)
    assert view.status is Status.FAILED
    assert view.error is not None
    assert view.error.code == "cancelled"
    assert f'"{sent.id}"' not in service.worker.log


def test_a_page_that_waits_in_the_queue(service: Service) -> None:
    inside = fill(service)
    waiting = [send(service, SHORT) for _ in range(12)]
    until(lambda: service.redis.client.llen("ocr") > 0, what="some are left in the queue")
    service.revoke(waiting[-1].id)
    assert waiting[-1].status == "REVOKED"
    assert [sent.get(timeout=60)["width"] for sent in inside + waiting[:-1]] == [LONG] * 2 + [SHORT] * 11
    assert_never_read(service, waiting[-1])


@pytest.mark.parametrize("terminate", [False, True])
def test_a_page_that_is_buffered(service: Service, terminate: bool) -> None:
    inside = fill(service)
    off, neighbour = send(service, SHORT), send(service, SHORT)
    until(lambda: service.pool()["buffered"] == 2)
    service.revoke(off.id, terminate=terminate)
    assert off.status == "REVOKED"
    assert [sent.get(timeout=60)["width"] for sent in [*inside, neighbour]] == [LONG, LONG, SHORT]
    assert_never_read(service, off)


def test_a_page_that_is_read_and_terminated_frees_its_place_at_once(service: Service) -> None:
    off, neighbour = fill(service)
    next_one = send(service, SHORT)
    until(lambda: service.pool()["buffered"] == 1)
    service.revoke(off.id, terminate=True)
    assert next_one.get(timeout=60)["width"] == SHORT
    assert neighbour.status == "STARTED", "the next one came in before a place was free by itself"
    assert neighbour.get(timeout=60)["width"] == LONG
    assert_never_read(service, off)


def test_a_page_that_is_read_already_is_read_to_its_end_unless_terminated(service: Service) -> None:
    late, _ = fill(service)
    service.revoke(late.id)
    assert late.get(timeout=60)["width"] == LONG
    assert late.status == "SUCCESS"


def test_a_page_that_is_finished_stays_finished(service: Service) -> None:
    done = send(service, SHORT)
    assert done.get(timeout=60)["width"] == SHORT
    service.revoke(done.id, terminate=True)
    assert done.status == "SUCCESS"
    assert service.client.look_up(done.id).status is Status.COMPLETED


def test_a_page_that_waits_for_its_time(service: Service) -> None:
    later = service.send("ocr.image", png(SHORT), countdown=1)
    until(lambda: service.inspect().scheduled()[service.worker.name])
    service.revoke(later.id)
    assert later.status == "REVOKED"
    until(service.is_settled, what="its time has come")
    assert_never_read(service, later)


def test_a_page_that_was_delivered_twice_is_gone_with_both_messages(service: Service) -> None:
    fill(service)
    off = send(service, SHORT)
    until(lambda: service.pool()["buffered"] == 1)
    send_again(service, off)
    until(lambda: "was delivered again while it is being worked on" in service.worker.log)
    service.revoke(off.id)
    assert_never_read(service, off)


def send_again(service: Service, sent: AsyncResult) -> None:
    """A second message of the same task."""
    service.send("ocr.image", png(SHORT), task_id=sent.id)


def test_all_pages_of_a_batch_by_its_id(service: Service, origin: Origin) -> None:
    inside = fill(service)
    urls = [origin.page(SHORT + n) for n in range(8)]
    batch = service.client.submit_batch([*urls, "nowhere"])
    service.revoke(batch)
    view = service.client.look_up_batch(batch)
    assert view.status is Status.FAILED, "without a wait for their messages"
    assert [task.error and task.error.code for _, task in view.items] == ["cancelled"] * 8 + ["bad_url"]
    summary = service.result(batch).get(timeout=60, propagate=False)
    assert (summary["total"], summary["failed"]) == (9, 9)
    assert [sent.get(timeout=60)["width"] for sent in inside] == [LONG] * 2


def test_all_pages_of_a_batch_with_those_in_the_engine(service: Service, origin: Origin) -> None:
    batch = service.client.submit_batch([origin.page(LONG), origin.page(LONG), origin.page(SHORT)])
    until(lambda: service.client.look_up_batch(batch).counts[Status.PROCESSING] == 2)
    service.revoke(batch, terminate=True)
    until(lambda: service.client.look_up_batch(batch).status is Status.FAILED)
    assert {task.error and task.error.code for _, task in service.client.look_up_batch(batch).items} == {"cancelled"}
