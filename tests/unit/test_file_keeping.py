"""A store keeps the files of open tasks, those of finished ones as long as their results, and uploads under way."""

from uuid import uuid4

import pytest

from ocr_celery.core.file_keeping import (
    UNCLAIMED_SECONDS,
    LastChange,
    file_name_of,
    is_kept,
    needs_no_file,
    task_of,
)
from ocr_celery.core.file_reference import file_name, is_reference
from ocr_celery.core.status import FORGOTTEN
from ocr_celery.store.files.contract import is_name

NOW, TTL = 1_000_000.0, 100.0


@pytest.mark.parametrize("state", ["PENDING", "RECEIVED", "STARTED", "RETRY", "A STATE OF TOMORROW"])
def test_the_file_of_an_open_task_stays_however_old_it_is(state: str) -> None:
    assert is_kept(LastChange(state, 0.0), 0.0, now=NOW, ttl=TTL)


@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED"])
@pytest.mark.parametrize(("ago", "kept"), [(0, True), (TTL - 1, True), (TTL, False), (10 * TTL, False)])
def test_the_file_of_a_finished_task_stays_as_long_as_its_result(state: str, ago: float, kept: bool) -> None:
    assert is_kept(LastChange(state, NOW - ago), NOW, now=NOW, ttl=TTL) is kept


@pytest.mark.parametrize(
    ("state", "keep", "goes"),
    [
        *(("SUCCESS", True, False), ("SUCCESS", False, True)),
        *(("FAILURE", True, True), ("REVOKED", True, True), (FORGOTTEN, True, True)),
        *(("STARTED", False, False), ("RETRY", False, False)),
    ],
)
def test_the_file_of_a_task_that_ended_goes_at_once_unless_its_exports_may_need_it(
    state: str, keep: bool, goes: bool
) -> None:
    assert needs_no_file(LastChange(state, NOW), keep=keep) is goes
    assert not needs_no_file(None, keep=keep)


def test_the_file_of_a_forgotten_task_goes_at_once() -> None:
    assert not is_kept(LastChange(FORGOTTEN, 0.0), NOW, now=NOW, ttl=TTL)


@pytest.mark.parametrize(("age", "kept"), [(0, True), (UNCLAIMED_SECONDS - 1, True), (UNCLAIMED_SECONDS, False)])
def test_a_file_without_a_task_stays_while_its_upload_may_be_under_way(age: float, kept: bool) -> None:
    assert is_kept(None, NOW - age, now=NOW, ttl=TTL) is kept


def test_a_file_belongs_to_the_task_that_its_name_begins_with() -> None:
    assert [task_of(name) for name in ("one", "one.pdf", "one.a.b")] == ["one"] * 3


@pytest.mark.parametrize(
    "id", ["0b6cf1a2-2f0c-4d0e-9d9b-2a3c1f4e5d6f", "a/b", "../up", "scan.pdf", "-1", "_", "100%", "a_2Fb", "Grüße"]
)
def test_the_file_of_any_task_has_a_name_that_tells_its_task(id: str) -> None:
    name = file_name_of(id)
    assert is_name(name)
    assert "." not in name
    assert task_of(f"{name}.being-written") == id


def test_a_uuid_is_the_name_of_its_file() -> None:
    id = str(uuid4())
    assert file_name_of(id) == id


def test_a_reference_names_a_file_and_where_it_lies() -> None:
    assert [is_reference(text) for text in ("blob:one", "file:one", "one", "http://a/", b"blob:one", None)] == [
        *(True, True, False),
        *(False, False, False),
    ]
    assert (file_name("blob:one"), file_name("file:one.pdf")) == ("one", "one.pdf")
