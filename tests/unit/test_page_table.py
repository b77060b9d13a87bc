"""A page is in one phase at a time, and a task is worked on once at a time."""

from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from tests.testlib.fake_engine import ready_page


def table(*ids: str) -> tuple[PageTable, list[PageRun]]:
    pages, runs = PageTable(), [ready_page(id) for id in ids]
    assert all(map(pages.receive, runs))
    return pages, runs


def test_a_page_is_counted_in_its_phase_only() -> None:
    pages, (run, _) = table("a", "b")
    pages.move(Phase.READY, run)
    assert {phase: pages.count(phase) for phase in Phase if pages.count(phase)} == {Phase.RECEIVED: 1, Phase.READY: 1}


def test_a_page_that_is_done_is_gone() -> None:
    pages, (run, _) = table("a", "b")
    pages.move(Phase.DONE, run)
    assert (len(pages), [left.id for left in pages.deliveries()]) == (1, ["b"])


def test_a_second_delivery_waits_among_the_duplicates_of_the_first() -> None:
    pages, (first,) = table("a")
    again = ready_page("a")
    assert not pages.receive(again)
    assert (first.duplicates, len(pages)) == ([again], 1)
    assert pages.deliveries() == [first, again]


def test_a_delivery_after_a_terminated_one_is_worked_on() -> None:
    pages, (first,) = table("a")
    first.terminated = True
    again = ready_page("a")
    assert pages.receive(again)
    pages.move(Phase.DONE, first)
    assert pages.deliveries() == [again]
    assert pages.count(Phase.RECEIVED) == 1


def test_only_pages_in_the_engine_are_released() -> None:
    pages, (first, second) = table("a", "b")
    pages.move(Phase.IN_ENGINE, first)
    assert pages.release(["a", "b", "c"]) == {"a": first}
    assert (first.phase, second.phase) == (Phase.STORING, Phase.RECEIVED)


def test_a_stopping_worker_is_draining_once_no_page_is_prepared_any_more() -> None:
    pages, (first, second) = table("a", "b")
    pages.move(Phase.PREPARING, second)
    assert (pages.stop(), pages.is_draining()) == (2, False)
    pages.move(Phase.READY, first)
    assert not pages.is_draining()
    pages.move(Phase.READY, second)
    assert pages.is_draining()
