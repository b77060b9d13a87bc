"""The policy of guilt, as rules: what convicts a page, what quarantines it, and what never counts against it."""

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.quarantine import (
    FAIL_AFTER,
    QUARANTINE_AFTER,
    Cause,
    CrashHistory,
    Decision,
    RunMode,
    Strikes,
    decide,
    run_mode,
    strikes,
)

SEVERITY = [Decision.RUN, Decision.QUARANTINE, Decision.FAIL]
Crash = tuple[Cause, RunMode, int]

causes, modes, counts = st.sampled_from(Cause), st.sampled_from(RunMode), st.integers(0, 9)
crashes = st.tuples(causes, modes, counts)
histories = st.builds(CrashHistory, strikes=counts, solo_strikes=counts)


def after(history: CrashHistory, *further: Crash) -> CrashHistory:
    for cause, mode, neighbours in further:
        added = strikes(cause, mode, neighbours=neighbours)
        history = CrashHistory(
            strikes=history.strikes + added.strikes,
            solo_strikes=history.solo_strikes + added.solo_strikes,
            last_cause=cause if added.strikes else history.last_cause,
        )
    return history


def severity(history: CrashHistory) -> int:
    return SEVERITY.index(decide(history))


def test_a_page_without_a_crash_runs() -> None:
    assert decide(CrashHistory()) is Decision.RUN


def test_one_crash_among_others_changes_nothing_and_a_second_quarantines() -> None:
    once = after(CrashHistory(), (Cause.WORKER, RunMode.SHARED, 3))
    assert decide(once) is Decision.RUN
    assert decide(after(once, (Cause.WORKER, RunMode.SHARED, 3))) is Decision.QUARANTINE


def test_one_solo_crash_quarantines_and_a_second_fails() -> None:
    once = after(CrashHistory(), (Cause.WORKER, RunMode.SOLO, 0))
    assert decide(once) is Decision.QUARANTINE
    assert decide(after(once, (Cause.WORKER, RunMode.QUARANTINED, 0))) is Decision.FAIL


def test_one_engine_failure_in_quarantine_fails_the_page() -> None:
    suspected = CrashHistory(strikes=QUARANTINE_AFTER)
    assert decide(after(suspected, (Cause.ENGINE, RunMode.QUARANTINED, 0))) is Decision.FAIL


def test_one_engine_failure_of_a_page_that_ran_solo_by_chance_does_not_fail_it() -> None:
    assert decide(after(CrashHistory(), (Cause.ENGINE, RunMode.SOLO, 0))) is Decision.QUARANTINE


def test_a_page_that_exceeds_its_deadline_is_quarantined_at_once_and_fails_the_second_time() -> None:
    once = after(CrashHistory(), (Cause.DEADLINE, RunMode.QUARANTINED, 0))
    assert decide(once) is Decision.QUARANTINE
    assert decide(after(once, (Cause.DEADLINE, RunMode.QUARANTINED, 0))) is Decision.FAIL


@given(st.sampled_from([RunMode.SHARED, RunMode.SOLO]), counts)
def test_a_deadline_that_another_page_exceeds_costs_no_strike(mode: RunMode, neighbours: int) -> None:
    assert strikes(Cause.DEADLINE, mode, neighbours=neighbours) == Strikes()


@given(histories, st.lists(crashes, max_size=9))
def test_no_crash_ever_improves_a_pages_standing(history: CrashHistory, further: list[Crash]) -> None:
    assert severity(after(history, *further)) >= severity(history)


@given(histories, counts, counts)
def test_a_longer_history_is_never_judged_more_mildly(history: CrashHistory, more: int, more_solo: int) -> None:
    longer = CrashHistory(strikes=history.strikes + more, solo_strikes=history.solo_strikes + more_solo)
    assert severity(longer) >= severity(history)


@given(histories, modes, counts)
def test_an_unavailable_engine_costs_no_page_a_strike(history: CrashHistory, mode: RunMode, neighbours: int) -> None:
    assert strikes(Cause.UNAVAILABLE, mode, neighbours=neighbours) == Strikes()
    assert after(history, (Cause.UNAVAILABLE, mode, neighbours)) == history


@given(st.lists(st.tuples(st.sampled_from([Cause.WORKER, Cause.ENGINE]), modes, st.integers(1, 9)), max_size=20))
def test_no_number_of_crashes_among_neighbours_fails_a_page(shared: list[Crash]) -> None:
    assert decide(after(CrashHistory(), *shared)) is not Decision.FAIL


@given(st.sampled_from([Cause.WORKER, Cause.ENGINE]), modes, st.integers(1, 9))
def test_a_neighbour_makes_every_crash_count_as_one_among_others(cause: Cause, mode: RunMode, neighbours: int) -> None:
    assert strikes(cause, mode, neighbours=neighbours) == Strikes(1)


@given(st.lists(st.tuples(st.just(Cause.WORKER), st.sampled_from([RunMode.SOLO, RunMode.QUARANTINED]), st.just(0))))
def test_a_page_that_runs_solo_fails_after_exactly_so_many_kills(kills: list[Crash]) -> None:
    assert (decide(after(CrashHistory(), *kills)) is Decision.FAIL) == (len(kills) >= FAIL_AFTER)


@given(causes, modes, counts)
def test_a_solo_strike_is_never_given_without_a_strike(cause: Cause, mode: RunMode, neighbours: int) -> None:
    added = strikes(cause, mode, neighbours=neighbours)
    assert added.strikes >= 0
    assert added.solo_strikes >= 0
    assert added.strikes or not added.solo_strikes


@given(st.booleans(), st.integers(1, 9), st.sampled_from([0.0, 0.5, 2.0]))
def test_only_a_page_that_is_by_itself_in_a_warmed_up_worker_runs_solo(
    quarantined: bool, in_engine: int, warmup_left: float
) -> None:
    mode = run_mode(quarantined=quarantined, in_engine=in_engine, warmup_left=warmup_left)
    assert (mode is RunMode.QUARANTINED) == quarantined
    assert (mode is RunMode.SOLO) == (not quarantined and in_engine == 1 and warmup_left == 0)
