"""A store keeps the files of open tasks, those of finished ones as long as their results, and uploads under way."""

import pytest

from ocr_celery.core.file_keeping import UNCLAIMED_SECONDS, LastChange, is_kept, task_of
from ocr_celery.core.file_reference import file_name, is_reference
from ocr_celery.core.status import FORGOTTEN

NOW, TTL = 1_000_000.0, 100.0


@pytest.mark.parametrize("state", ["PENDING", "RECEIVED", "STARTED", "RETRY", "A STATE OF TOMORROW"])
def test_the_file_of_an_open_task_stays_however_old_it_is(state: str) -> None:
    assert is_kept(LastChange(state, 0.0), 0.0, now=NOW, ttl=TTL)


@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED"])
@pytest.mark.parametrize(("ago", "kept"), [(0, True), (TTL - 1, True), (TTL, False), (10 * TTL, False)])
def test_the_file_of_a_finished_task_stays_as_long_as_its_result(state: str, ago: float, kept: bool) -> None:
    assert is_kept(LastChange(state, NOW - ago), NOW, now=NOW, ttl=TTL) is kept


def test_the_file_of_a_forgotten_task_goes_at_once() -> None:
    assert not is_kept(LastChange(FORGOTTEN, 0.0), NOW, now=NOW, ttl=TTL)


@pytest.mark.parametrize(("age", "kept"), [(0, True), (UNCLAIMED_SECONDS - 1, True), (UNCLAIMED_SECONDS, False)])
def test_a_file_without_a_task_stays_while_its_upload_may_be_under_way(age: float, kept: bool) -> None:
    assert is_kept(None, NOW - age, now=NOW, ttl=TTL) is kept


def test_a_file_belongs_to_the_task_that_its_name_begins_with() -> None:
    assert [task_of(name) for name in ("one", "one.pdf", "one.a.b")] == ["one"] * 3


def test_a_reference_names_a_file_and_where_it_lies() -> None:
    assert [is_reference(text) for text in ("blob:one", "file:one", "one", "http://a/", b"blob:one", None)] == [
        *(True, True, False),
        *(False, False, False),
    ]
    assert (file_name("blob:one"), file_name("file:one.pdf")) == ("one", "one.pdf")
