"""Whatever lies in Redis of a task is a record, no record, or a damaged one: it is never an exception."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from ocr_celery.core.status import STATUS_BY_CELERY_STATE
from ocr_celery.store.records import FIELDS, parse_batch, parse_record

RESULT = {"text": "# Title", "verdict": "ok"}
DONE = json.dumps({"status": "SUCCESS", "result": RESULT, "traceback": None}).encode()
WRONG = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
NAN = float("nan")


def fields(**given: Any) -> list[bytes | None]:
    known = {"created_at": b"1.5", "updated_at": b"2.5", "state": b"SUCCESS", **given}
    return [known.get(name) for name in FIELDS]


def test_a_whole_record_is_read() -> None:
    record = parse_record("a", fields(source=b"page.png", attempts=b"2", last_error=b'["DownloadFailed", "No."]'), DONE)
    assert record is not None
    assert (record.created_at, record.updated_at, record.state, record.damaged) == (1.5, 2.5, "SUCCESS", "")
    assert record.meta is not None
    assert record.meta["result"] == RESULT
    progress = record.progress
    assert (progress.source, progress.attempts, progress.last_error) == ("page.png", 2, ("DownloadFailed", "No."))
    assert (progress.next_try_at, progress.position) == (None, None)


def test_nothing_is_no_record() -> None:
    assert parse_record("a", [None] * len(FIELDS), None) is None


def test_a_task_that_waits_has_a_place_and_one_that_waits_for_its_next_try_a_time() -> None:
    waiting = parse_record("a", fields(state=b"PENDING", next_try_at=b"9"), None, rank=3)
    again = parse_record("a", fields(state=b"RETRY", next_try_at=b"9"), None, rank=3)
    assert waiting is not None
    assert again is not None
    assert (waiting.progress.position, waiting.progress.next_try_at) == (3, None)
    assert (again.progress.position, again.progress.next_try_at) == (None, 9.0)


@pytest.mark.parametrize(
    "given",
    [
        {"created_at": b"yesterday"},
        {"created_at": None},
        {"updated_at": b"nan"},
        {"updated_at": b"-inf"},
        {"state": b"DONE"},
        {"state": b"\xff"},
        {"state": None},
    ],
)
def test_a_spoilt_field_that_all_depends_on_spoils_the_record(given: dict[str, Any]) -> None:
    record = parse_record("a", fields(**given), DONE)
    assert record is not None
    assert record.damaged


@pytest.mark.parametrize(
    "given",
    [{"attempts": b"-1"}, {"attempts": b"many"}, {"attempts": b"9" * 5000}, {"last_error": b"{"}, {"last_error": b'"ab"'},
     {"last_error": b"[1, 2, 3]"}, {"next_try_at": b"soon"}, {"source": b"\xff"}],
)  # fmt: skip
def test_a_spoilt_field_that_is_only_told_beside_spoils_nothing(given: dict[str, Any]) -> None:
    record = parse_record("a", fields(state=b"RETRY", **given), None)
    assert record is not None
    assert not record.damaged


META: list[bytes | Exception] = [
    *(b"", b"{", b"null", b"7", b'"SUCCESS"', b"[]", b"{}", b"\xff\xfe", b"\x80\x04]q\x00.", WRONG),
    *(json.dumps({"status": status}).encode() for status in (None, 7, [], {})),
    *(
        json.dumps({"status": "SUCCESS", "result": result}).encode()
        for result in (None, 7, "text", [], {}, {"text": None}, {"text": 7}, {"text": "a", "seconds": NAN})
    ),
    *(json.dumps({"status": "FAILURE", "result": result}).encode() for result in (7, "text", [1], math.inf)),
    b'{"status": "SUCCESS", "result": {"text": "a", "pages": ' + b"[" * 5000 + b"]" * 5000 + b"}}",
    b'{"status": "SUCCESS", "result": {"text": "a", "pages": ' + b"[" * 200_000,
    b'{"status": "SUCCESS", "result": {"text": "a", "width": ' + b"9" * 5000 + b"}}",
]


@pytest.mark.parametrize("meta", META, ids=lambda meta: repr(meta)[:60])
def test_a_record_of_celery_that_is_no_end_of_a_page_spoils_it(meta: Any) -> None:
    record = parse_record("a", fields(), meta)
    assert record is not None
    assert record.damaged
    assert len(record.damaged) <= 200


def test_a_key_of_another_type_is_said_in_the_words_of_redis() -> None:
    record = parse_record("a", WRONG, None)
    assert record is not None
    assert "WRONGTYPE" in record.damaged


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*STATUS_BY_CELERY_STATE]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["status", "result", "text", "pages"]), inner),
    max_leaves=8,
)
ANYTHING = st.none() | st.binary() | JSON.map(json.dumps).map(str.encode) | st.just(WRONG)


@settings(deadline=None)
@given(st.lists(ANYTHING, min_size=len(FIELDS), max_size=len(FIELDS)) | ANYTHING, ANYTHING, ANYTHING)
def test_anything_can_be_answered_as_json(values: Any, meta: Any, rank: Any) -> None:
    record = parse_record("a", values, meta, rank)
    if record is not None:
        json.dumps([record.created_at, record.updated_at, record.meta, record.progress.source], allow_nan=False)


@settings(deadline=None)
@given(ANYTHING | JSON.map(lambda ids: json.dumps({"created_at": 1, "ids": ids, "urls": json.dumps(ids)}).encode()))
def test_a_batch_is_whole_or_none(text: Any) -> None:
    try:
        created, ids, urls = parse_batch(text)
    except ValueError:
        return
    assert math.isfinite(created)
    assert len(ids) == len(urls)
    assert all(isinstance(id, str) for id in ids)
