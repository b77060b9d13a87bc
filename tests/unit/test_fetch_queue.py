"""Which page is fetched next: a batch, host or address that hangs delays only its own pages."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.fetch_queue import MAX_STALLED, NO_BATCH, FetchQueue, domain
from ocr_celery.core.fetch_shares import DOWN, SLOW, FetchTicket

THREADS = 16


def queue_of(threads: int, *hosts: str, group: str = NO_BATCH) -> FetchQueue[int]:
    queue = FetchQueue[int](threads)
    for item, host in enumerate(hosts):
        queue.add(item, host, group)
    return queue


def taken(queue: FetchQueue[int], now: float = 0) -> list[FetchTicket[int]]:
    return [ticket for _ in range(100) if (ticket := queue.take(now))]


def hanging(threads: int = THREADS, *, group: str = "batch", address: str = "", hosts: int = 64) -> FetchQueue[int]:
    """A host for each page, as of a wildcard domain; all that may be are under way."""
    queue = queue_of(threads, *(f"x{n}.evil.example" for n in range(hosts)), group=group)
    while found := taken(queue):
        for ticket in found:
            queue.set_address(ticket, address or ticket.host, 0)
    return queue


def down(threads: int = 4) -> FetchQueue[int]:
    """A host of whose pages as many as it may have have timed out at 30, and one waits."""
    queue = queue_of(threads, *["a"] * (threads // 2 + 1))
    for ticket in taken(queue):
        queue.finish(ticket, timed_out=True, now=30)
    return queue


def test_hosts_take_turns() -> None:
    assert [ticket.item for ticket in taken(queue_of(8, "a", "a", "b", "b"))] == [0, 2, 1, 3]


def test_batches_and_single_pages_take_turns_and_within_them_hosts() -> None:
    queue = queue_of(16, "a", "a", "b", group="first")
    for item, host, group in ((3, "a", "second"), (4, "a", "second"), (5, "c", NO_BATCH)):
        queue.add(item, host, group)
    assert [ticket.item for ticket in taken(queue)] == [0, 3, 5, 2, 4, 1]


def test_no_host_has_more_than_half() -> None:
    queue = queue_of(4, "a", "a", "a", "b")
    first, *_ = found = taken(queue)
    assert [ticket.item for ticket in found] == [0, 3, 1]
    queue.finish(first, timed_out=False, now=1)
    assert [ticket.item for ticket in taken(queue)] == [2]


def test_a_host_that_timed_out_gets_one_at_a_time_until_it_answers() -> None:
    queue = queue_of(6, "a", "a", "a", "a", "a")
    first, second, third = taken(queue)
    queue.finish(first, timed_out=True, now=30)
    queue.finish(second, timed_out=True, now=30)
    assert not taken(queue, 30)
    queue.finish(third, timed_out=False, now=31)
    assert [ticket.item for ticket in taken(queue, 31)] == [3, 4]


def test_a_host_that_is_down_is_not_asked_for_a_while_and_then_by_one() -> None:
    queue = down()
    assert [(ticket.item, ticket.is_down) for ticket in taken(queue, 31)] == [(2, True)]
    queue.add(3, "a")
    queue.add(4, "a")
    (probe,) = taken(queue, 30 + DOWN)
    assert (probe.item, probe.is_down) == (3, False)
    queue.finish(probe, timed_out=False, now=70)
    assert [ticket.is_down for ticket in taken(queue, 70)] == [False]


def test_a_host_that_is_still_down_when_it_is_asked_again_stays_so() -> None:
    queue = down()
    taken(queue, 31)
    queue.add(3, "a")
    (probe,) = taken(queue, 30 + DOWN)
    queue.finish(probe, timed_out=True, now=90)
    queue.add(4, "a")
    assert [ticket.is_down for ticket in taken(queue, 91)] == [True]


def test_a_batch_has_at_most_what_it_leaves_free() -> None:
    assert sum(len(host.started_at) for host in hanging()._hosts.values()) == THREADS // 2


def test_a_page_behind_a_batch_that_hangs_is_fetched_at_once_wherever_it_lies() -> None:
    for group, host, address in (
        (NO_BATCH, "fine.example", "fine"),
        ("other batch", "fine.example", "fine"),
        (NO_BATCH, "fine.example", "evil"),
        (NO_BATCH, "fine.evil.example", "evil"),
        ("other batch", "fine.evil.example", "evil"),
    ):
        queue = hanging(address="evil")
        queue.add(-1, host, group)
        (ticket,) = taken(queue)
        assert ticket.item == -1
        assert queue.set_address(ticket, address, 0)


def test_several_batches_that_hang_leave_a_thread_to_single_pages() -> None:
    queue = hanging()
    for batch in range(5):
        for item in range(20):
            queue.add(100 * batch + item, f"x{batch}.{item}.example", f"batch {batch}")
    taken(queue)
    queue.add(-1, "fine.example")
    assert [ticket.item for ticket in taken(queue)] == [-1]


def test_single_pages_that_hang_leave_a_thread_to_batches() -> None:
    queue = hanging(group=NO_BATCH)
    queue.add(-1, "fine.example", "batch")
    assert [ticket.item for ticket in taken(queue)] == [-1]


def test_single_pages_that_hang_at_one_address_leave_threads_to_those_elsewhere() -> None:
    queue = hanging(group=NO_BATCH, address="evil")
    queue.add(-1, "fine.example")
    (ticket,) = taken(queue)
    assert ticket.item == -1
    assert queue.set_address(ticket, "fine", 0)


def test_three_hosts_that_hang_leave_a_thread_to_a_fourth() -> None:
    queue = queue_of(THREADS, *["a"] * 20, *["b"] * 20, *["c"] * 20)
    for ticket in taken(queue):
        queue.set_address(ticket, ticket.host, 0)
    queue.add(-1, "fine.example", "batch")
    assert [ticket.item for ticket in taken(queue)] == [-1]


def test_names_that_cannot_be_resolved_leave_threads_to_those_of_other_domains() -> None:
    queue = queue_of(THREADS, *(f"x{n}.evil.example" for n in range(64)))
    taken(queue)  # and none of them is found
    queue.add(-1, "fine.example.org")
    assert [ticket.item for ticket in taken(queue)] == [-1]


def test_a_page_whose_address_is_at_its_limit_waits_again_in_its_old_position() -> None:
    queue = queue_of(4, "a.example", "b.example", "c.org", "c.org")
    first, second, third = taken(queue)
    moved = [queue.set_address(ticket, "there", 0) for ticket in (first, second, third)]
    queue.add(9, "d.net", "batch")
    (late,) = taken(queue)
    assert queue.set_address(late, "there", 0) is None
    assert not taken(queue)
    for ticket in moved:
        assert ticket
        queue.finish(ticket, timed_out=False, now=1)
    assert {ticket.item for ticket in taken(queue)} == {3, 9}


def test_a_batch_that_timed_out_has_an_eighth_until_it_is_answered() -> None:
    queue = queue_of(THREADS, *(f"x{n}.evil.example" for n in range(64)), group="batch")
    *late, last = taken(queue)
    for ticket in late:
        queue.finish(ticket, timed_out=True, now=30)
    assert len(taken(queue, 30)) == THREADS // 8 - 1
    queue.finish(last, timed_out=False, now=31)
    assert len(taken(queue, 31)) > 3


def test_an_address_for_a_host_that_is_down_changes_nothing_for_its_ticket() -> None:
    queue = down()
    (ticket,) = taken(queue, 31)
    assert queue.set_address(ticket, "there", 31) is ticket
    queue.finish(ticket, timed_out=True, now=31)
    assert not queue._addresses


def test_an_address_that_is_down_for_a_batch_is_not_asked_for_it_and_is_for_others() -> None:
    queue = queue_of(THREADS, *(f"x{n}.evil.example" for n in range(20)), group="batch")
    for ticket in taken(queue):
        moved = queue.set_address(ticket, "evil", 0)
        assert moved
        queue.finish(moved, timed_out=True, now=30)
    (late, later) = taken(queue, 31)  # of them it is not known yet where they lie
    for ticket in (late, later):
        moved = queue.set_address(ticket, "evil", 31)
        assert moved
        assert moved.is_down
        queue.finish(moved, timed_out=True, now=31)
    queue.add(-1, "x.evil.example")
    (single,) = (ticket for ticket in taken(queue, 31) if ticket.group == NO_BATCH)
    assert not single.is_down
    moved = queue.set_address(single, "evil", 31)
    assert moved
    assert not moved.is_down


def test_pages_of_a_slow_host_count_as_stalled_and_no_others() -> None:
    queue = queue_of(2, "slow", "slow", "quick")
    (slow,) = taken(queue)
    queue.finish(slow, timed_out=False, now=0)
    (quick,) = taken(queue)
    queue.finish(quick, timed_out=False, now=0.1)
    queue.add(3, "quick")
    assert queue.stalled(SLOW) == 0
    (slow,) = taken(queue)
    assert queue.stalled(SLOW + 1) == 1
    queue.add(4, "slow")
    assert queue.stalled(SLOW + 1) == 2
    queue.finish(slow, timed_out=False, now=SLOW + 1)
    assert queue.stalled(SLOW + 1) == 0


def test_pages_that_wait_for_a_batch_that_hangs_count_as_stalled() -> None:
    queue = hanging()
    assert queue.stalled(SLOW) == 0
    assert queue.stalled(SLOW + 1) == 64
    queue.add(-1, "fine.example", "other")
    queue.add(-2, "fine.example")
    assert queue.stalled(SLOW + 1) == 64


def test_pages_that_wait_for_an_address_that_hangs_count_as_stalled() -> None:
    assert hanging(group=NO_BATCH, address="evil").stalled(SLOW + 1) == 64


def test_the_count_of_stalled_pages_has_a_maximum() -> None:
    queue = queue_of(2, *["slow"] * (MAX_STALLED + 9))
    taken(queue)
    assert queue.stalled(2) == MAX_STALLED


def test_cancelling_returns_the_pages_that_wait_and_not_those_being_fetched() -> None:
    queue = queue_of(4, "a", "a", "a", "b", "b")
    assert [ticket.item for ticket in taken(queue)] == [0, 3, 1]
    assert sorted(queue.remove_waiting()) == [2, 4]
    assert not taken(queue)


def test_a_page_with_a_ticket_is_fetched_although_the_others_are_cancelled() -> None:
    queue = queue_of(4, "a.example", "b.example", "c.org")
    tickets = [queue.set_address(ticket, "there", 0) for ticket in taken(queue)]
    queue.add(9, "d.net", "batch")
    (late,) = taken(queue)
    queue.remove_waiting()
    assert all(tickets)
    assert queue.set_address(late, "there", 0)


def test_hosts_and_batches_that_no_page_waits_for_are_forgotten_in_the_end() -> None:
    queue = FetchQueue[int](2)
    for item in range(1500):
        queue.add(item, f"host {item}", f"batch {item}")
        ticket = queue.take(0)
        assert ticket
        queue.finish(ticket, timed_out=True, now=0)
    assert len(queue._hosts) <= 1002
    assert len(queue._groups) <= 1002
    assert not queue._addresses


def test_a_domain_is_the_end_of_a_name() -> None:
    assert [domain(host) for host in ("a.b.example.com", "example.com.", "localhost")] == [
        "example.com",
        "example.com",
        "localhost",
    ]


names = st.sampled_from("abc")
steps = st.one_of(
    st.tuples(st.just("add"), names, st.sampled_from(["", "x", "y"])),
    st.tuples(st.just("take"), names, st.booleans()),
    st.tuples(st.just("done"), st.booleans(), st.integers(0, 40)),
)


@given(st.integers(1, 20), st.lists(steps, max_size=80))
def test_no_page_is_lost_or_fetched_twice_and_none_waits_when_nothing_is_in_progress(
    threads: int, history: list[tuple[str, object, object]]
) -> None:
    queue, items, now = FetchQueue[int](max(2, threads)), count(), 0.0
    added, seen, running = 0, list[int](), list[FetchTicket[int]]()
    for step, what, how in history:
        if step == "add":
            queue.add(next(items), str(what), str(how))
            added += 1
        elif step == "take" and (ticket := queue.take(now)):
            moved = queue.set_address(ticket, str(what), 0)
            if moved:
                seen.append(moved.item)
                running.append(moved)
        elif step == "done" and running:
            now += float(str(how))
            queue.finish(running.pop(0), timed_out=bool(what), now=now)
        assert len([ticket for ticket in running if not ticket.is_down]) <= queue.threads
    while running or (ticket := queue.take(now)):
        if running:
            queue.finish(running.pop(0), timed_out=False, now=now)
        elif ticket and (moved := queue.set_address(ticket, "a", 0)):
            seen.append(moved.item)
            running.append(moved)
    assert sorted(seen) == list(range(added))
