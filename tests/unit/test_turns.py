"""Whose turn it is to be fetched: a batch, a host or an address that hangs holds up its own pages and no others."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.fetch_queue import MOST_HELD_UP, SINGLE, Turns, domain
from ocr_celery.core.fetch_shares import DOWN, SLOW, Turn

THREADS = 16


def turns(threads: int, *hosts: str, sender: str = SINGLE) -> Turns[int]:
    made = Turns[int](threads)
    for item, host in enumerate(hosts):
        made.add(item, host, sender)
    return made


def taken(turns: Turns[int], now: float = 0) -> list[Turn[int]]:
    return [turn for _ in range(1000) if (turn := turns.take(now))]


def hanging(threads: int = THREADS, *, sender: str = "batch", place: str = "", hosts: int = 64) -> Turns[int]:
    """A host for each page, as of a wildcard domain; all that may be are under way."""
    made = turns(threads, *(f"x{n}.evil.example" for n in range(hosts)), sender=sender)
    while found := taken(made):
        for turn in found:
            made.move(turn, place or turn.host, 0)
    return made


def down(threads: int = 4) -> Turns[int]:
    """A host of whose pages as many as it may have have timed out at 30, and one waits."""
    made = turns(threads, *["a"] * (threads // 2 + 1))
    for turn in taken(made):
        made.done(turn, timed_out=True, now=30)
    return made


def test_hosts_take_turns() -> None:
    assert [turn.item for turn in taken(turns(8, "a", "a", "b", "b"))] == [0, 2, 1, 3]


def test_batches_and_single_pages_take_turns_and_within_them_hosts() -> None:
    made = turns(16, "a", "a", "b", sender="first")
    for item, host, sender in ((3, "a", "second"), (4, "a", "second"), (5, "c", SINGLE)):
        made.add(item, host, sender)
    assert [turn.item for turn in taken(made)] == [0, 3, 5, 2, 4, 1]


def test_no_host_has_more_than_half() -> None:
    made = turns(4, "a", "a", "a", "b")
    first, *_ = found = taken(made)
    assert [turn.item for turn in found] == [0, 3, 1]
    made.done(first, timed_out=False, now=1)
    assert [turn.item for turn in taken(made)] == [2]


def test_a_host_that_timed_out_gets_one_at_a_time_until_it_answers() -> None:
    made = turns(6, "a", "a", "a", "a", "a")
    first, second, third = taken(made)
    made.done(first, timed_out=True, now=30)
    made.done(second, timed_out=True, now=30)
    assert not taken(made, 30)
    made.done(third, timed_out=False, now=31)
    assert [turn.item for turn in taken(made, 31)] == [3, 4]


def test_a_host_that_is_down_is_not_asked_for_a_while_and_then_by_one() -> None:
    made = down()
    assert [(turn.item, turn.refused) for turn in taken(made, 31)] == [(2, True)]
    made.add(3, "a")
    made.add(4, "a")
    (probe,) = taken(made, 30 + DOWN)
    assert (probe.item, probe.refused) == (3, False)
    made.done(probe, timed_out=False, now=70)
    assert [turn.refused for turn in taken(made, 70)] == [False]


def test_a_host_that_is_still_down_when_it_is_asked_again_stays_so() -> None:
    made = down()
    taken(made, 31)
    made.add(3, "a")
    (probe,) = taken(made, 30 + DOWN)
    made.done(probe, timed_out=True, now=90)
    made.add(4, "a")
    assert [turn.refused for turn in taken(made, 91)] == [True]


def test_a_batch_has_at_most_what_it_leaves_free() -> None:
    assert sum(len(host.begun) for host in hanging()._hosts.values()) == THREADS // 2


def test_a_page_behind_a_batch_that_hangs_is_fetched_at_once_wherever_it_lies() -> None:
    for sender, host, place in (
        (SINGLE, "fine.example", "fine"),
        ("other batch", "fine.example", "fine"),
        (SINGLE, "fine.example", "evil"),
        (SINGLE, "fine.evil.example", "evil"),
        ("other batch", "fine.evil.example", "evil"),
    ):
        made = hanging(place="evil")
        made.add(-1, host, sender)
        (turn,) = taken(made)
        assert turn.item == -1
        assert made.move(turn, place, 0)


def test_several_batches_that_hang_leave_a_thread_to_single_pages() -> None:
    made = hanging()
    for batch in range(5):
        for item in range(20):
            made.add(100 * batch + item, f"x{batch}.{item}.example", f"batch {batch}")
    taken(made)
    made.add(-1, "fine.example")
    assert [turn.item for turn in taken(made)] == [-1]


def test_single_pages_that_hang_leave_a_thread_to_batches() -> None:
    made = hanging(sender=SINGLE)
    made.add(-1, "fine.example", "batch")
    assert [turn.item for turn in taken(made)] == [-1]


def test_single_pages_that_hang_at_one_address_leave_threads_to_those_elsewhere() -> None:
    made = hanging(sender=SINGLE, place="evil")
    made.add(-1, "fine.example")
    (turn,) = taken(made)
    assert turn.item == -1
    assert made.move(turn, "fine", 0)


def test_three_hosts_that_hang_leave_a_thread_to_a_fourth() -> None:
    made = turns(THREADS, *["a"] * 20, *["b"] * 20, *["c"] * 20)
    for turn in taken(made):
        made.move(turn, turn.host, 0)
    made.add(-1, "fine.example", "batch")
    assert [turn.item for turn in taken(made)] == [-1]


def test_names_that_cannot_be_resolved_leave_threads_to_those_of_other_domains() -> None:
    made = turns(THREADS, *(f"x{n}.evil.example" for n in range(64)))
    taken(made)  # and none of them is found
    made.add(-1, "fine.example.org")
    assert [turn.item for turn in taken(made)] == [-1]


def test_a_page_whose_address_has_what_it_may_have_waits_in_its_place_until_that_has_less() -> None:
    made = turns(4, "a.example", "b.example", "c.org", "c.org")
    first, second, third = taken(made)
    moved = [made.move(turn, "there", 0) for turn in (first, second, third)]
    made.add(9, "d.net", "batch")
    (late,) = taken(made)
    assert made.move(late, "there", 0) is None
    assert not taken(made)
    for turn in moved:
        assert turn
        made.done(turn, timed_out=False, now=1)
    assert {turn.item for turn in taken(made)} == {3, 9}


def test_a_batch_that_timed_out_has_an_eighth_until_it_is_answered() -> None:
    made = turns(THREADS, *(f"x{n}.evil.example" for n in range(64)), sender="batch")
    *late, last = taken(made)
    for turn in late:
        made.done(turn, timed_out=True, now=30)
    assert len(taken(made, 30)) == THREADS // 8 - 1
    made.done(last, timed_out=False, now=31)
    assert len(taken(made, 31)) > 3


def test_an_address_that_is_down_for_a_batch_is_not_asked_for_it_and_is_for_others() -> None:
    made = turns(THREADS, *(f"x{n}.evil.example" for n in range(20)), sender="batch")
    for turn in taken(made):
        moved = made.move(turn, "evil", 0)
        assert moved
        made.done(moved, timed_out=True, now=30)
    (late, later) = taken(made, 31)  # of them it is not known yet where they lie
    for turn in (late, later):
        moved = made.move(turn, "evil", 31)
        assert moved
        assert moved.refused
        made.done(moved, timed_out=True, now=31)
    made.add(-1, "x.evil.example")
    (single,) = (turn for turn in taken(made, 31) if turn.sender == SINGLE)
    assert not single.refused
    moved = made.move(single, "evil", 31)
    assert moved
    assert not moved.refused


def test_pages_of_a_slow_host_count_as_held_up_and_no_others() -> None:
    made = turns(2, "slow", "slow", "quick")
    (slow,) = taken(made)
    made.done(slow, timed_out=False, now=0)
    (quick,) = taken(made)
    made.done(quick, timed_out=False, now=0.1)
    made.add(3, "quick")
    assert made.held_up(SLOW) == 0
    (slow,) = taken(made)
    assert made.held_up(SLOW + 1) == 1
    made.add(4, "slow")
    assert made.held_up(SLOW + 1) == 2
    made.done(slow, timed_out=False, now=SLOW + 1)
    assert made.held_up(SLOW + 1) == 0


def test_what_waits_for_a_batch_that_hangs_counts_as_held_up() -> None:
    made = hanging()
    assert made.held_up(SLOW) == 0
    assert made.held_up(SLOW + 1) == 64
    made.add(-1, "fine.example", "other")
    made.add(-2, "fine.example")
    assert made.held_up(SLOW + 1) == 64


def test_what_waits_for_an_address_that_hangs_counts_as_held_up() -> None:
    assert hanging(sender=SINGLE, place="evil").held_up(SLOW + 1) == 64


def test_there_is_a_most_that_counts_as_held_up() -> None:
    made = turns(2, *["slow"] * (MOST_HELD_UP + 9))
    taken(made)
    assert made.held_up(2) == MOST_HELD_UP


def test_who_waits_gives_up_and_who_is_being_fetched_does_not() -> None:
    made = turns(4, "a", "a", "a", "b", "b")
    assert [turn.item for turn in taken(made)] == [0, 3, 1]
    assert sorted(made.give_up()) == [2, 4]
    assert not taken(made)


def test_a_page_whose_turn_has_come_is_fetched_although_the_others_have_given_up() -> None:
    made = turns(4, "a.example", "b.example", "c.org")
    turns_ = [made.move(turn, "there", 0) for turn in taken(made)]
    made.add(9, "d.net", "batch")
    (late,) = taken(made)
    made.give_up()
    assert all(turns_)
    assert made.move(late, "there", 0)


def test_hosts_and_batches_that_no_page_waits_for_are_forgotten_in_the_end() -> None:
    made = Turns[int](2)
    for item in range(3000):
        made.add(item, f"host {item}", f"batch {item}")
        turn = made.take(0)
        assert turn
        made.done(turn, timed_out=True, now=0)
    assert len(made._hosts) <= 1002
    assert len(made._senders) <= 1002
    assert not made._places


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
def test_no_page_is_lost_or_fetched_twice_and_none_waits_when_nothing_is_under_way(
    threads: int, history: list[tuple[str, object, object]]
) -> None:
    made, items, now = Turns[int](max(2, threads)), count(), 0.0
    added, seen, running = 0, list[int](), list[Turn[int]]()
    for step, what, how in history:
        if step == "add":
            made.add(next(items), str(what), str(how))
            added += 1
        elif step == "take" and (turn := made.take(now)):
            moved = made.move(turn, str(what), 0)
            if moved:
                seen.append(moved.item)
                running.append(moved)
        elif step == "done" and running:
            now += float(str(how))
            made.done(running.pop(0), timed_out=bool(what), now=now)
        assert len([turn for turn in running if not turn.refused]) <= made.threads
    while running or (turn := made.take(now)):
        if running:
            made.done(running.pop(0), timed_out=False, now=now)
        elif turn and (moved := made.move(turn, "a", 0)):
            seen.append(moved.item)
            running.append(moved)
    assert sorted(seen) == list(range(added))
