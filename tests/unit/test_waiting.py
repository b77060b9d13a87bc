"""Waiting for a task costs a look at its state per change, and a whole look-up only where something may be final."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from ocr_celery.core.status import Status, TaskView
from ocr_celery.waiting import wait_for_task


class FakeWatch:
    """A watch that is woken for each of these changes, and then is over."""

    def __init__(self, changes: list[frozenset[str] | None]) -> None:
        self.changes = changes
        self.changed: frozenset[str] | None = frozenset()

    def pause(self, _deadline: float, _go_on: Any) -> bool:
        if not self.changes:
            return False
        self.changed = self.changes.pop(0)
        return True

    def take_changed(self) -> frozenset[str] | None:
        return self.changed


class FakeClient:
    """A client whose task is final after so many questions for its state."""

    def __init__(self, *, questions: int, changes: list[frozenset[str] | None]) -> None:
        self.questions = questions
        self.look_ups = 0
        self.changes = SimpleNamespace(watch=lambda _: self._watch(changes))

    @contextmanager
    def _watch(self, changes: list[frozenset[str] | None]) -> Iterator[FakeWatch]:
        yield FakeWatch(changes)

    def final_among(self, ids: list[str]) -> set[str]:
        self.questions -= 1
        return set(ids) if self.questions <= 0 else set()

    def look_up(self, id: str) -> TaskView:
        self.look_ups += 1
        status = Status.COMPLETED if self.questions <= 0 else Status.PROCESSING
        return TaskView(id=id, status=status, created_at=0.0, updated_at=0.0)


CHANGED = frozenset({"id"})


def wait(client: FakeClient) -> TaskView:
    return wait_for_task(client, "id", seconds=9)  # type: ignore[arg-type]


def test_a_document_is_looked_up_twice_however_many_pages_it_has() -> None:
    client = FakeClient(questions=1000, changes=[CHANGED] * 1000)
    assert wait(client).status is Status.COMPLETED
    assert client.look_ups == 2


def test_it_is_looked_up_where_changes_may_have_been_missed() -> None:
    client = FakeClient(questions=1, changes=[None])
    client.final_among = lambda _: set()  # type: ignore[method-assign]
    wait(client)
    assert client.look_ups == 3


def test_after_the_time_it_is_shown_as_it_stands_then() -> None:
    client = FakeClient(questions=9, changes=[CHANGED])
    assert wait(client).status is Status.PROCESSING
    assert client.look_ups == 2
