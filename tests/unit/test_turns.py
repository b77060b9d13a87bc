"""Whose turn it is to be fetched: one host that hangs holds up its own pages and no others."""

from ocr_celery.core.turns import DOWN, MOST_HELD_UP, SLOW, Turn, Turns


def turns(most: int, *hosts: str) -> Turns[int]:
    made = Turns[int](most)
    for item, host in enumerate(hosts):
        made.add(item, host)
    return made


def taken(turns: Turns[int], now: float = 0) -> list[Turn[int]]:
    return [turn for _ in range(100) if (turn := turns.take(now))]


def down(most: int = 2) -> Turns[int]:
    """A host of whose pages `most` have timed out at 30, and one waits."""
    made = turns(most, *["a"] * (most + 1))
    for turn in taken(made):
        made.done(turn, timed_out=True, now=30)
    return made


def test_hosts_take_turns() -> None:
    assert [turn.item for turn in taken(turns(2, "a", "a", "b", "b"))] == [0, 2, 1, 3]


def test_no_host_has_more_than_its_share() -> None:
    made = turns(2, "a", "a", "a", "b")
    first, *_ = found = taken(made)
    assert [turn.item for turn in found] == [0, 3, 1]
    made.done(first, timed_out=False, now=1)
    assert [turn.item for turn in taken(made)] == [2]


def test_a_host_that_timed_out_gets_one_at_a_time_until_it_answers() -> None:
    made = turns(3, "a", "a", "a", "a", "a")
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


def test_pages_of_a_slow_host_count_as_held_up_and_no_others() -> None:
    made = turns(1, "slow", "slow", "quick")
    slow, quick = taken(made)
    made.done(quick, timed_out=False, now=0.1)
    made.add(3, "quick")
    assert made.held_up(SLOW) == 0
    taken(made, SLOW + 1)
    assert made.held_up(SLOW + 1) == 2
    made.done(slow, timed_out=False, now=SLOW + 1)
    assert made.held_up(SLOW + 1) == 0


def test_there_is_a_most_that_counts_as_held_up() -> None:
    made = turns(1, *["slow"] * (MOST_HELD_UP + 9))
    taken(made)
    assert made.held_up(2) == MOST_HELD_UP


def test_who_waits_gives_up_and_who_is_being_fetched_does_not() -> None:
    made = turns(1, "a", "a", "b", "b")
    assert len(taken(made)) == 2
    assert made.give_up() == [1, 3]
    assert not taken(made)


def test_hosts_that_no_page_waits_for_are_forgotten_in_the_end() -> None:
    made = Turns[int](1)
    for item in range(3000):
        made.add(item, f"host {item}")
        turn = made.take(0)
        assert turn
        made.done(turn, timed_out=True, now=0)
    assert len(made._hosts) <= 1002
