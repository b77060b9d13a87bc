"""The status of a task, of a batch, and the sums of `Stats`."""

import itertools
from typing import Any

import celery.states
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.status import STATUS_BY_CELERY_STATE, BatchView, Stats, Status, TaskView, batch_status

PENDING, PROCESSING, COMPLETED, FAILED = Status.PENDING, Status.PROCESSING, Status.COMPLETED, Status.FAILED


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ([PENDING], PENDING),
        ([PENDING, PENDING], PENDING),
        ([PROCESSING], PROCESSING),
        ([PENDING, PROCESSING], PROCESSING),
        ([PENDING, COMPLETED], PROCESSING),
        ([PENDING, FAILED], PROCESSING),
        ([PROCESSING, COMPLETED, FAILED], PROCESSING),
        ([COMPLETED], COMPLETED),
        ([COMPLETED, COMPLETED], COMPLETED),
        ([COMPLETED, FAILED], COMPLETED),
        ([FAILED], FAILED),
        ([FAILED, FAILED], FAILED),
    ],
)
def test_status_of_a_batch(statuses: list[Status], whole: Status) -> None:
    for order in itertools.permutations(statuses):
        assert batch_status(order) is whole


@given(st.lists(st.sampled_from(Status), min_size=1))
def test_a_batch_is_final_exactly_when_all_its_tasks_are(statuses: list[Status]) -> None:
    assert batch_status(statuses).final == all(status.final for status in statuses)


@given(st.lists(st.sampled_from(Status), min_size=1), st.integers(min_value=0))
def test_a_task_that_ends_never_takes_a_batch_back_to_pending(statuses: list[Status], which: int) -> None:
    ended = list(statuses)
    ended[which % len(ended)] = COMPLETED
    assert batch_status(ended) is not PENDING


def test_only_completed_and_failed_are_final() -> None:
    assert [status for status in Status if status.final] == [COMPLETED, FAILED]


def test_every_state_of_celery_has_a_status() -> None:
    assert set(STATUS_BY_CELERY_STATE) >= celery.states.ALL_STATES
    assert {state for state, status in STATUS_BY_CELERY_STATE.items() if status.final} >= {
        *celery.states.READY_STATES,
        celery.states.IGNORED,
    }
    unready = celery.states.UNREADY_STATES - {
        celery.states.REJECTED
    }  # Celery's worker writes it and is done with the task
    assert not any(STATUS_BY_CELERY_STATE[state].final for state in unready)


def task(status: Status, **more: Any) -> TaskView:
    return TaskView(id="t", status=status, created_at=1.0, updated_at=2.0, **more)


def test_a_batch_counts_its_tasks_by_status() -> None:
    items = tuple(("http://a/", task(status)) for status in (COMPLETED, FAILED, COMPLETED))
    batch = BatchView(id="b", items=items, created_at=1.0, updated_at=2.0)
    assert batch.counts == {COMPLETED: 2, FAILED: 1}
    assert batch.counts[PENDING] == 0
    assert batch.status is COMPLETED


def test_the_total_of_the_figures_is_all_tasks_and_not_limits_or_workers() -> None:
    assert Stats(pending=1, processing=20, completed=300, failed=4000, queue_limit=9, workers=9).total == 4321
