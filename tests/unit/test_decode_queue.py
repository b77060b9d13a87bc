from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.decode.decode_queue import DecodeLimits, DecodeQueue


@dataclass(eq=False)
class Page:
    memory: int
    costly: bool = False


def made() -> DecodeQueue[Page]:
    return DecodeQueue[Page](DecodeLimits(pages=2, memory=20), DecodeLimits(pages=2, memory=100))


def test_costly_pages_take_no_quick_thread() -> None:
    queue = made()
    costly, quick = Page(50), Page(5)
    queue.add(costly)
    queue.add(quick)
    assert costly.costly
    assert queue.take(costly=False) is quick
    assert queue.take(costly=False) is None
    assert queue.take(costly=True) is costly


def test_costly_pages_wait_for_threads_and_for_memory() -> None:
    queue = made()
    pages = [Page(60), Page(60), Page(30), Page(30)]
    for page in pages:
        queue.add(page)
    assert queue.take(costly=True) is pages[0]
    assert queue.take(costly=True) is None, "60 and 60 are more than 100, and no page passes the first"
    queue.remove(pages[0])
    assert [queue.take(costly=True) for _ in range(3)] == [pages[1], pages[2], None]


def test_what_wants_more_than_there_is_gets_all_of_it() -> None:
    queue = made()
    huge = Page(10**12)
    queue.add(huge)
    assert queue.take(costly=True) is huge
    assert huge.memory == 100


def test_a_quick_page_that_takes_long_continues_within_the_limits_and_frees_its_quick_thread() -> None:
    queue = made()
    pages = [Page(5) for _ in range(5)]
    for page in pages:
        queue.add(page)
    assert [queue.take(costly=False) for _ in range(3)] == [pages[0], pages[1], None]
    assert queue.try_make_costly(pages[0])
    assert queue.try_make_costly(pages[1])
    assert [queue.take(costly=False) for _ in range(3)] == [pages[2], pages[3], None]
    assert not queue.try_make_costly(pages[2]), "two threads"
    assert queue.costly == 2


def test_cancelling_one_kind_leaves_the_other() -> None:
    queue = made()
    costly, quick = Page(50), Page(5)
    queue.add(costly)
    queue.add(quick)
    assert queue.remove_waiting(costly=True) == [costly]
    assert queue.take(costly=False) is quick
    assert queue.remove_waiting(costly=True) == []


STEP = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 200)),
    st.tuples(st.sampled_from(["quick", "costly", "long", "leave"]), st.integers(0, 5)),
)


@given(st.lists(STEP, max_size=60))
def test_no_page_is_lost_or_taken_twice_and_no_limit_is_exceeded(steps: list[tuple[str, int]]) -> None:
    queue = made()
    added: list[Page] = []
    inside: list[Page] = []
    for what, number in steps:
        if what == "add":
            added.append(Page(number))
            queue.add(added[-1])
        elif what in ("quick", "costly"):
            page = queue.take(costly=what == "costly")
            if page is not None:
                assert page not in inside
                inside.append(page)
        elif inside:
            page = inside[number % len(inside)]
            if what == "leave":
                queue.remove(page)
                inside.remove(page)
                added.remove(page)
            elif not page.costly:
                queue.try_make_costly(page)
        for costly, seats, memory in ((False, 2, 20), (True, 2, 100)):
            mine = [page for page in inside if page.costly == costly]
            assert len(mine) <= seats
            assert sum(page.memory for page in mine) <= memory
    left = queue.remove_waiting(costly=True) + queue.remove_waiting(costly=False)
    assert {id(page) for page in left + inside} == {id(page) for page in added}


def test_a_page_that_waits_for_all_memory_is_passed_by_no_page_that_takes_long() -> None:
    queue = made()
    first, waits, overtaker = Page(60), Page(100), Page(5)
    for page in (first, waits, overtaker):
        queue.add(page)
    assert queue.take(costly=True) is first
    assert queue.take(costly=True) is None
    assert queue.take(costly=False) is overtaker
    assert not queue.try_make_costly(overtaker)
    queue.remove(first)
    assert queue.take(costly=True) is waits
