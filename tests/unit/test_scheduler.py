"""Which pages enter the engine when, and what becomes of those that are revoked, overdue or in a failing engine."""

import threading
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ocr_celery.consumer.crash_tracker import CrashTracker
from ocr_celery.consumer.engine_queue import EngineQueue
from ocr_celery.consumer.engine_watch import EngineWatch
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.scheduler import EngineScheduler
from ocr_celery.core.batching import BatchPolicy
from ocr_celery.core.prefetch import PrefetchController
from ocr_celery.core.quarantine import SUSPECT_WARMUP, Cause, RunMode
from ocr_celery.engine.contract import EngineUnavailable, Outcome
from ocr_celery.errors import PageDeadline
from tests.testlib.engine_probe import until
from tests.testlib.fake_engine import FakeClock, FakeEngine, FakeMarks, ready_page

TIMEOUT, DEADLINE = 5.0, 60.0


@dataclass
class Events:
    """What the scheduler reported."""

    outcomes: list[tuple[str, Outcome]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    failures: list[tuple[BaseException, Cause]] = field(default_factory=list)
    prepares: bool = True  #: whether a quarantined page can be prepared
    terminates: bool = False  #: whether the worker ends before it is

    def on_outcome(self, run: PageRun, outcome: Outcome) -> None:
        self.outcomes.append((run.id, outcome))

    def on_postponed(self, run: PageRun) -> None:
        self.postponed.append(run.id)

    def on_unread(self, run: PageRun) -> None:
        self.unread.append(run.id)

    def prepare_quarantined(self, run: PageRun) -> bool:
        if self.prepares:
            run.page, run.decoded = run.decoded, None
        return not self.terminates

    def on_engine_failure(self, exc: BaseException, cause: Cause) -> None:
        self.failures.append((exc, cause))


class Bench:
    """A scheduler whose threads are the test's own."""

    def __init__(self, size: int = 2) -> None:
        self.clock, self.engine = FakeClock(), FakeEngine(size)
        self.marks, self.events, self.pages = FakeMarks(), Events(), PageTable()
        self.tracker = CrashTracker(cast(Any, self.marks))
        self.cancelled: set[str] = set()
        self.queue = EngineQueue(
            BatchPolicy(size=size, timeout=TIMEOUT),
            pages=self.pages,
            prefetch=PrefetchController(size=size, preparing=1),
            clock=self.clock,
        )
        self.scheduler = EngineScheduler(
            engine=self.engine,
            queue=self.queue,
            pages=self.pages,
            events=self.events,
            tracker=self.tracker,
            find_cancelled=lambda ids: self.cancelled & set(ids),
            clock=self.clock,
        )
        self.watch = EngineWatch(
            engine=self.engine,
            pages=self.pages,
            queue=self.queue,
            scheduler=self.scheduler,
            events=self.events,
            tracker=self.tracker,
            deadline=DEADLINE,
            clock=self.clock,
        )

    def add(self, *ids: str, **more: Any) -> list[PageRun]:
        runs = [ready_page(id, **more) for id in ids]
        for run in runs:
            assert self.pages.receive(run)
            self.queue.add(run)
        return runs

    def dispatch(self, after: float = 0.0) -> list[list[str]]:
        """What has entered, batch by batch."""
        self.clock.now += after
        self.scheduler.dispatch()
        return self.engine.entered

    def leave(self, *ids: str) -> None:
        """These pages come out, and are stored."""
        runs = {run.id: run for run in self.pages.in_phase(Phase.IN_ENGINE)}
        self.scheduler.on_outcomes([self.engine.outcome(id) for id in ids])
        for id in ids:
            self.pages.move(Phase.DONE, runs[id])


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_full_batch_enters_at_once_and_a_part_of_one_after_the_timeout(bench: Bench) -> None:
    bench.add("a", "b", "c")
    assert bench.dispatch() == [["a", "b"]]
    bench.leave("a", "b")
    assert bench.dispatch() == [["a", "b"]]
    assert bench.dispatch(after=TIMEOUT) == [["a", "b"], ["c"]]


def test_a_freed_slot_is_refilled_at_once(bench: Bench) -> None:
    bench.add("a", "b", "c")
    bench.dispatch()
    bench.leave("a")
    assert bench.dispatch() == [["a", "b"], ["c"]]
    assert (dict(bench.scheduler.batches), bench.scheduler.refills) == ({2: 1}, 1)


def test_a_page_passes_through_its_phases(bench: Bench) -> None:
    (run,) = bench.add("a")
    assert run.phase is Phase.READY
    bench.dispatch(after=TIMEOUT)
    assert run.phase is Phase.IN_ENGINE
    bench.scheduler.on_outcomes([bench.engine.outcome("a")])
    assert run.phase is Phase.STORING
    assert [id for id, _ in bench.events.outcomes] == ["a"]


def test_pages_are_marked_while_they_are_in_the_engine_until_their_marks_are_cleared(bench: Bench) -> None:
    bench.add("a", "b")
    bench.dispatch()
    assert bench.marks.marked == {"a": RunMode.SHARED, "b": RunMode.SHARED}


def test_a_page_by_itself_is_marked_solo_once_the_worker_has_warmed_up_and_shared_when_another_joins(
    bench: Bench,
) -> None:
    bench.add("a")
    bench.dispatch(after=max(TIMEOUT, SUSPECT_WARMUP))
    assert bench.marks.marked == {"a": RunMode.SOLO}
    bench.add("b")
    bench.dispatch()
    assert bench.marks.marked == {"a": RunMode.SHARED, "b": RunMode.SHARED}


def test_a_mark_that_redis_did_not_take_keeps_no_page_out_of_the_engine(bench: Bench) -> None:
    bench.marks.is_down = True
    bench.add("a", "b")
    assert bench.dispatch() == [["a", "b"]]


def test_no_page_is_marked_once_the_worker_was_told_to_stop(bench: Bench) -> None:
    bench.tracker.stop()
    bench.add("a", "b")
    assert bench.dispatch() == [["a", "b"]]
    assert not bench.marks.marked


def test_no_page_is_marked_behind_the_removal_of_the_marks_at_a_stop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_all = bench.marks.clear_all
    monkeypatch.setattr(bench.marks, "clear_all", lambda: (clear_all(), bench.dispatch()))
    bench.add("a", "b")
    bench.tracker.stop()
    assert (bench.engine.entered, bench.marks.marked) == ([["a", "b"]], {})


def test_a_quarantined_page_runs_solo_after_the_others(bench: Bench) -> None:
    bench.add("q", quarantined=True)
    bench.add("a", "b", "c")
    assert bench.dispatch() == [["a", "b"]]
    bench.clock.now += SUSPECT_WARMUP
    bench.leave("a")
    assert bench.dispatch() == [["a", "b"]]  # no page overtakes it any more, and it waits until the engine is empty
    bench.leave("b")
    assert bench.dispatch() == [["a", "b"], ["q"]]
    assert bench.marks.marked["q"] is RunMode.QUARANTINED
    assert bench.dispatch(after=TIMEOUT) == [["a", "b"], ["q"]]
    bench.leave("q")
    assert bench.dispatch(after=TIMEOUT)[-1] == ["c"]


def test_a_quarantined_page_waits_until_the_outcomes_before_it_are_stored(bench: Bench) -> None:
    (before,) = bench.add("a")
    bench.dispatch(after=TIMEOUT)
    bench.add("q", quarantined=True)
    bench.scheduler.on_outcomes([bench.engine.outcome("a")])
    assert bench.dispatch(after=SUSPECT_WARMUP) == [["a"]]
    bench.pages.move(Phase.DONE, before)
    assert bench.dispatch() == [["a"], ["q"]]


def test_a_quarantined_page_that_cannot_be_prepared_leaves_the_engine_to_the_others(bench: Bench) -> None:
    bench.events.prepares = False
    (run,) = bench.add("q", quarantined=True)
    assert bench.dispatch(after=SUSPECT_WARMUP) == []
    assert (bench.events.unread, run.phase, bench.marks.marked) == (["q"], Phase.STORING, {})


def test_a_quarantined_page_is_not_completed_where_the_worker_terminates_before_it_is_prepared(bench: Bench) -> None:
    bench.events.prepares, bench.events.terminates = False, True
    bench.add("q", quarantined=True)
    assert bench.dispatch(after=SUSPECT_WARMUP) == []
    assert bench.events.unread == []


def test_a_page_that_was_revoked_while_it_waited_never_enters(bench: Bench) -> None:
    first, _ = bench.add("a", "b")
    first.request.is_revoked = True
    assert bench.dispatch() == [["b"]]
    assert bench.events.unread == ["a"]


def test_a_page_that_was_cancelled_in_redis_never_enters(bench: Bench) -> None:
    first, second = bench.add("a", "b")
    bench.cancelled = {"a"}
    assert bench.dispatch() == [["b"]]
    assert (bench.events.unread, first.cancelled, second.cancelled) == (["a"], True, False)


def test_a_page_that_waits_can_be_taken_out_and_one_that_has_entered_cannot(bench: Bench) -> None:
    first, second, third = bench.add("a", "b", "c")
    assert bench.queue.withdraw(second)
    assert second.phase is Phase.ENDING
    assert bench.dispatch() == [["a", "c"]]
    assert not any(bench.queue.withdraw(run) for run in (first, second, third))


def test_a_page_that_is_aborted_frees_its_slot_and_its_outcome_is_ignored(bench: Bench) -> None:
    first, *_ = bench.add("a", "b", "c")
    bench.dispatch()
    assert bench.scheduler.abort(first)
    bench.scheduler.on_outcomes([bench.engine.outcome("a")])
    assert bench.events.outcomes == []
    assert bench.dispatch() == [["a", "b"], ["c"]]


def test_a_page_that_is_aborted_while_it_is_marked_does_not_enter_and_its_neighbour_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = bench.add("a", "b")
    mark = bench.marks.mark

    def abort_and_mark(ids: Any, mode: RunMode) -> None:
        assert bench.scheduler.abort(first)
        first.page = None  # as where it is completed
        mark(ids, mode)

    monkeypatch.setattr(bench.marks, "mark", abort_and_mark)
    assert bench.dispatch() == [["b"]]
    assert bench.events.failures == []
    assert list(bench.marks.marked) == ["b"]


def test_a_page_that_is_aborted_just_before_it_enters_is_aborted_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = bench.add("a", "b")
    enter = bench.engine.enter

    def abort_and_enter(requests: Any) -> None:
        first.terminated = True
        assert bench.scheduler.abort(first)
        enter(requests)

    monkeypatch.setattr(bench.engine, "enter", abort_and_enter)
    bench.dispatch()
    assert list(bench.engine.requests) == ["b"]


def test_a_quarantined_page_that_is_aborted_while_it_is_prepared_is_not_reported_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.events, "prepare_quarantined", bench.scheduler.abort)
    bench.add("a", quarantined=True)
    assert bench.dispatch(after=SUSPECT_WARMUP) == []
    assert (bench.events.unread, bench.marks.marked) == ([], {})


def test_a_page_that_is_not_in_the_engine_is_not_aborted(bench: Bench) -> None:
    (run,) = bench.add("a")
    assert not bench.scheduler.abort(run)
    assert run.phase is Phase.READY


def test_a_reread_takes_only_slots_that_no_other_page_wants(bench: Bench) -> None:
    first, *_ = bench.add("a", "b", "c")
    bench.dispatch()
    bench.scheduler.on_outcomes([bench.engine.outcome("a")])
    bench.queue.enqueue_reread(first)
    assert bench.dispatch()[-1] == ["c"]
    bench.leave("b")
    assert bench.dispatch()[-1] == ["a"]


def test_rereads_that_are_cancelled_are_ending(bench: Bench) -> None:
    first, _ = bench.add("a", "b")
    bench.dispatch()
    bench.scheduler.on_outcomes([bench.engine.outcome("a")])
    bench.queue.enqueue_reread(first)
    assert bench.queue.remove_rereads() == [first]
    assert first.phase is Phase.ENDING
    assert bench.dispatch() == [["a", "b"]]


def unavailable(id: str) -> Outcome:
    return Outcome(id=id, result=EngineUnavailable(retry_after=10), seconds=0.1)


def test_pages_wait_while_the_engine_is_unavailable_and_enter_again_in_their_order(bench: Bench) -> None:
    bench.add("a", "b", "c")
    bench.dispatch()
    bench.scheduler.on_outcomes([unavailable("a"), unavailable("b")])
    assert bench.dispatch(after=9.0) == [["a", "b"]]
    assert bench.queue.due_in() == 1.0
    assert bench.dispatch(after=1.0) == [["a", "b"], ["a", "b"]]


def test_an_unavailable_engine_costs_no_mark_no_outcome_and_no_worker(bench: Bench) -> None:
    bench.add("a", "b")
    bench.dispatch()
    bench.scheduler.on_outcomes([unavailable("a"), unavailable("b")])
    assert (bench.marks.marked, bench.marks.strikes) == ({}, [])
    assert (bench.events.outcomes, bench.events.failures) == ([], [])


def test_a_quarantined_page_stays_so_while_the_engine_is_unavailable(bench: Bench) -> None:
    (run,) = bench.add("q", quarantined=True)
    bench.dispatch(after=SUSPECT_WARMUP)
    bench.scheduler.on_outcomes([unavailable("q")])
    assert (run.phase, bench.queue.waiting_behind(9)) == (Phase.READY, 1)


def test_a_page_whose_engine_is_unavailable_is_requeued_where_the_worker_stops(bench: Bench) -> None:
    bench.add("a", "b")
    bench.dispatch()
    bench.pages.stop()
    bench.scheduler.on_outcomes([unavailable("a")])
    assert bench.events.postponed == ["a"]


def test_an_overdue_page_that_can_be_aborted_fails_and_its_neighbour_stays(bench: Bench) -> None:
    bench.add("a")
    bench.dispatch(after=TIMEOUT)
    bench.clock.now += DEADLINE
    bench.add("b")
    bench.dispatch()
    bench.clock.now += 1
    bench.watch.check()
    ((id, outcome),) = bench.events.outcomes
    assert (id, type(outcome.result), outcome.seconds) == ("a", PageDeadline, DEADLINE)
    assert [run.id for run in bench.pages.in_phase(Phase.IN_ENGINE)] == ["b"]


def test_a_page_is_not_overdue_by_its_earlier_reading(bench: Bench) -> None:
    (run,) = bench.add("a")
    bench.dispatch(after=TIMEOUT)
    bench.scheduler.on_outcomes([bench.engine.outcome("a")])
    bench.clock.now += DEADLINE + 1
    bench.queue.enqueue_reread(run)
    bench.dispatch()
    bench.watch.check()
    assert len(bench.events.outcomes) == 1


def test_an_overdue_page_that_cannot_be_aborted_is_convicted_and_ends_the_worker(bench: Bench) -> None:
    bench.engine.can_abort = False
    bench.add("a", "b")
    bench.dispatch()
    (first, second) = bench.pages.in_phase(Phase.IN_ENGINE)
    second.entered_at += DEADLINE
    bench.clock.now += DEADLINE + 1
    bench.watch.check()
    assert bench.marks.strikes == [([first.id], Cause.DEADLINE)]
    assert [cause for _, cause in bench.events.failures] == [Cause.DEADLINE]


def test_a_page_that_leaves_the_engine_at_its_deadline_ends_no_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(id: str) -> bool:
        bench.scheduler.on_outcomes([bench.engine.outcome(id)])
        return False

    monkeypatch.setattr(bench.engine, "abort", leave)
    bench.add("a", "b")
    bench.dispatch()
    bench.clock.now += DEADLINE + 1
    bench.watch.check()
    assert (bench.marks.strikes, bench.events.failures) == ([], [])
    assert [id for id, _ in bench.events.outcomes] == ["a", "b"]


def test_an_engine_that_raises_when_pages_enter_has_failed_and_gets_no_more(bench: Bench) -> None:
    bench.engine.fails_on_enter = RuntimeError("no memory")
    bench.add("a", "b", "c", "d")
    bench.dispatch()
    bench.engine.fails_on_enter = None
    assert bench.dispatch() == []
    assert bench.events.failures == [(bench.events.failures[0][0], Cause.ENGINE)]


def test_an_engine_that_is_not_alive_has_failed(bench: Bench) -> None:
    bench.watch.check()
    assert not bench.events.failures
    bench.engine.is_alive = False
    bench.watch.check()
    assert [cause for _, cause in bench.events.failures] == [Cause.ENGINE]


def test_a_part_of_a_batch_does_not_wait_when_nothing_more_comes(bench: Bench) -> None:
    bench.add("a")
    bench.pages.stop()
    assert bench.dispatch() == [["a"]]


def test_its_threads_let_pages_enter_and_end_when_it_is_closed(bench: Bench) -> None:
    bench.scheduler.start()
    bench.watch.start()
    bench.add("a", "b")
    until(lambda: bench.engine.entered, what="both have entered")
    bench.scheduler.close()
    until(lambda: not {"batcher", "watch"} & {thread.name for thread in threading.enumerate()}, what="its threads end")
