"""The batch policy, as sentences; and that nothing is ever lost, repeated or reordered, whatever happens."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ocr_celery.core.batching import Batcher, BatchPolicy, EngineState
from ocr_celery.core.prefetch import MIN_AHEAD, PrefetchController
from tests.testlib.effort import examples


def batcher(size: int, timeout: float, ready: list[float], *, refill: bool = True) -> Batcher[int]:
    made = Batcher[int](BatchPolicy(size=size, timeout=timeout, refill=refill))
    for item, at in enumerate(ready):
        made.add(item, now=at)
    return made


def at(
    now: float = 0,
    in_engine: int = 0,
    idle_since: float = 0,
    working_since: float = -9,
    storing: int = 0,
    **more: float,
) -> EngineState:
    return EngineState(
        now=now, in_engine=in_engine, idle_since=idle_since, working_since=working_since, storing=storing, **more
    )


def test_an_idle_engine_gets_a_full_batch_at_once() -> None:
    assert batcher(2, 9, [0, 0, 0]).take(at(0)) == [0, 1]


def test_an_item_is_taken_out_wherever_it_waits_and_the_others_stay_in_order() -> None:
    b = batcher(8, 0, [0, 0, 0])
    b.enqueue_reread(7)
    b.enqueue_quarantined(9)
    b.enqueue_quarantined(8)
    assert (b.rereads_waiting, b.quarantined_waiting) == (1, 2)
    assert [b.remove(item) for item in (1, 9, 7, 5)] == [True, True, True, False]
    assert b.rereads_waiting == 0
    assert (b.take(at(0, working_since=0)), b.quarantined_waiting, len(b)) == ([0, 2], 1, 1)


def test_an_idle_engine_gets_what_there_is_after_the_timeout() -> None:
    b = batcher(8, 5, [0, 4])
    assert b.take(at(4.9)) == []
    assert b.due_in(at(4)) == 1
    assert b.take(at(5)) == [0, 1]


def test_the_wait_begins_when_the_engine_becomes_idle() -> None:
    assert batcher(8, 5, [0]).due_in(at(20, idle_since=19)) == 4


def test_a_running_engine_gets_a_page_for_every_free_place_at_once() -> None:
    b = batcher(4, 9, [0, 0, 0])
    assert b.take(at(in_engine=2)) == [0, 1]
    assert b.due_in(at(in_engine=4)) is None


def test_nothing_waits_when_nothing_more_is_coming() -> None:
    assert batcher(8, 5, [0]).take(at(draining=True)) == [0]


def test_behind_a_barrier_a_batch_waits_until_the_one_before_has_left() -> None:
    b = batcher(2, 9, [0, 0, 0], refill=False)
    assert b.take(at(in_engine=1)) == []
    assert b.due_in(at(in_engine=1)) is None
    assert b.take(at()) == [0, 1]


def test_a_page_to_be_read_again_takes_only_places_that_no_other_wants() -> None:
    b = batcher(2, 9, [0, 0, 0])
    b.enqueue_reread(9)
    assert b.take(at()) == [0, 1]
    assert b.take(at(in_engine=1)) == [2]
    assert b.take(at(in_engine=1)) == [9]


def test_a_page_to_be_read_again_waits_for_nobody_where_nobody_waits() -> None:
    b = batcher(8, 5, [])
    b.enqueue_reread(9)
    assert b.take(at()) == [9]


def test_a_suspect_is_read_alone_and_nobody_overtakes_it() -> None:
    b = batcher(4, 0, [0, 0])
    b.enqueue_quarantined(9)
    assert b.take(at(in_engine=1)) == []
    assert b.take(at()) == [9]
    assert b.take(at(in_engine=1, solo=True)) == []
    assert b.due_in(at(in_engine=1, solo=True)) is None
    assert b.take(at()) == [0, 1]


def test_a_suspect_waits_until_the_worker_has_been_at_work_for_a_while_and_nobody_waits_for_it() -> None:
    b = batcher(4, 0, [0, 0])
    b.enqueue_quarantined(9)
    warmup = b.policy.warmup
    assert b.take(at(0.1, working_since=0)) == [0, 1]
    assert b.take(at(0.2, working_since=0)) == []
    assert b.due_in(at(0.5, in_engine=2, working_since=0)) == warmup - 0.5
    assert b.take(at(warmup, working_since=0)) == [9]


def test_a_suspect_waits_until_what_came_out_before_it_is_stored() -> None:
    b = batcher(4, 0, [])
    b.enqueue_quarantined(9)
    assert b.take(at(storing=1)) == []
    assert b.due_in(at(storing=1)) is None
    assert b.take(at()) == [9]


def test_items_that_entered_in_vain_are_put_back_in_front_in_their_order() -> None:
    b = batcher(2, 0, [0, 0, 0])
    b.put_back(b.take(at()), now=1)
    assert [b.take(at(1)), b.take(at(1))] == [[0, 1], [2]]


def test_nothing_enters_an_engine_that_is_unavailable() -> None:
    b = batcher(2, 0, [0, 0])
    assert b.take(at(1, paused_until=3)) == []
    assert b.due_in(at(1, paused_until=3)) == 2
    assert b.take(at(3, paused_until=3)) == [0, 1]


def test_of_two_suspects_the_one_with_fewer_solo_strikes_is_tried_first() -> None:
    b = batcher(4, 0, [])
    for item, strikes in ((7, 1), (8, 0), (9, 0)):
        b.enqueue_quarantined(item, solo_strikes=strikes)
    assert [b.take(at()), b.take(at()), b.take(at())] == [[8], [9], [7]]


def test_what_was_to_be_read_again_can_be_given_up() -> None:
    b = batcher(4, 0, [0])
    b.enqueue_reread(8)
    b.enqueue_reread(9)
    assert b.remove_rereads() == [8, 9]
    assert len(b) == 1


def test_a_worker_of_unknown_pace_holds_little_beyond_its_engine() -> None:
    assert PrefetchController(size=8, preparing=8).target() == 8 + MIN_AHEAD


def test_a_slow_engine_holds_little_and_a_fast_one_more_but_never_beyond_bounds() -> None:
    slow, fast = PrefetchController(size=8, preparing=4), PrefetchController(size=8, preparing=4)
    slow.pages_read(1, 5.0)
    fast.pages_read(10_000, 1.0)
    assert slow.target() == 8 + MIN_AHEAD
    assert fast.target() == 8 + 8 + 4


def test_slow_preparation_makes_a_worker_hold_more() -> None:
    prefetch = PrefetchController(size=8, preparing=8)
    prefetch.pages_read(4, 1.0)
    prefetch.page_prepared(2.0)
    assert prefetch.target() == 8 + 12


@pytest.mark.parametrize("size", [1, 2, 8, 64])
@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_the_pace_is_that_of_whole_batches_where_pages_leave_together(size: int, seconds: float) -> None:
    prefetch = PrefetchController(size=size, preparing=8)
    for _ in range(20):
        for between in (2.0, *(size - 1) * [seconds]):
            prefetch.pages_read(1, between)
        assert 0.4 * size / 2 <= prefetch.pages_per_second <= 1.6 * size / 2


class Machine(RuleBasedStateMachine):
    @initialize(size=st.integers(1, 5), timeout=st.floats(0, 10))
    def start(self, size: int, timeout: float) -> None:
        self.b = Batcher[int](BatchPolicy(size=size, timeout=timeout))
        self.now, self.idle_since, self.added, self.in_engine = 0.0, 0.0, 0, 0
        self.out: list[int] = []

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_page_is_ready(self) -> None:
        self.b.add(self.added, now=self.now)
        self.added += 1

    @rule(draining=st.booleans())
    def pages_enter(self, draining: bool) -> None:
        taken = self.b.take(at(self.now, self.in_engine, self.idle_since, draining=draining))
        self.in_engine += len(taken)
        self.out += taken

    @rule()
    def a_page_is_done(self) -> None:
        if self.in_engine:
            self.in_engine -= 1
            self.idle_since = self.now if not self.in_engine else self.idle_since

    @rule()
    def waiting_until_due_lets_something_enter(self) -> None:
        due = self.b.due_in(at(self.now, self.in_engine, self.idle_since))
        if due is not None:
            self.now += due + 1e-9 * self.now
            before = self.in_engine
            self.pages_enter(draining=False)
            assert self.in_engine > before

    @invariant()
    def no_more_than_size_are_inside_and_none_is_lost_repeated_or_reordered(self) -> None:
        if hasattr(self, "out"):
            assert self.in_engine <= self.b.policy.size
            assert self.out == list(range(len(self.out)))
            assert len(self.out) + len(self.b) == self.added


TestMachine = Machine.TestCase
TestMachine.settings = settings(examples(200), stateful_step_count=40)
