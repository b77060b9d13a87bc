"""What a crash leaves in the records of the pages that were in the engine, in a real Redis."""

import pytest

from ocr_celery.core.quarantine import QUARANTINE_AFTER, Cause, RunMode
from ocr_celery.store.crash_marks import CrashMarks
from tests.testlib.processes import RedisServer, keys

RECORD = {"state": "STARTED", "created_at": 1}


@pytest.fixture
def marks(redis: RedisServer) -> CrashMarks:
    """Of a node, with two pages that are known and unfinished."""
    for id in "ab":
        redis.client.hset(keys.task(id), mapping=RECORD)
    return CrashMarks(redis.client, keys, "w1@test")


def history(redis: RedisServer, id: str) -> list[bytes | None]:
    return redis.client.hmget(keys.task(id), "deaths", "alone", "killed")


def test_a_crash_with_neighbours_is_one_strike_for_each(redis: RedisServer, marks: CrashMarks) -> None:
    marks.mark(["a", "b"])
    assert marks.add_strikes(Cause.WORKER) == 2
    assert history(redis, "a") == history(redis, "b") == [b"1", None, b"worker"]
    assert not redis.client.exists(keys.inside("w1@test"))


def test_a_crash_of_a_page_that_ran_solo_is_a_solo_strike_too(redis: RedisServer, marks: CrashMarks) -> None:
    marks.mark(["a"], RunMode.SOLO)
    marks.add_strikes(Cause.WORKER)
    assert history(redis, "a") == [b"1", b"1", b"worker"]


def test_an_engine_failure_in_quarantine_counts_double(redis: RedisServer, marks: CrashMarks) -> None:
    marks.mark(["a"], RunMode.QUARANTINED)
    marks.add_strikes(Cause.ENGINE)
    assert history(redis, "a") == [b"1", b"2", b"engine"]


def test_a_conviction_names_one_page_and_spares_its_neighbours(redis: RedisServer, marks: CrashMarks) -> None:
    marks.mark(["a", "b"])
    marks.convict("a", Cause.DEADLINE)
    assert history(redis, "a") == [b"%d" % (1 + QUARANTINE_AFTER), b"1", b"deadline"]
    assert history(redis, "b") == [None, None, None]


def test_an_unavailable_engine_leaves_nothing_in_the_records(redis: RedisServer, marks: CrashMarks) -> None:
    marks.mark(["a"], RunMode.QUARANTINED)
    marks.add_strikes(Cause.UNAVAILABLE)
    assert history(redis, "a") == [None, None, None]


def test_pages_that_left_in_time_get_no_strike(redis: RedisServer, marks: CrashMarks) -> None:
    marks.mark(["a", "b"])
    marks.clear(["a"])
    marks.add_strikes(Cause.WORKER)
    assert history(redis, "a") == [None, None, None]
    marks.mark(["a"])
    marks.clear_all()
    assert marks.add_strikes(Cause.WORKER) == 0


def test_a_mark_of_another_version_counts_as_one_among_others(redis: RedisServer, marks: CrashMarks) -> None:
    redis.client.hset(keys.inside("w1@test"), "a", "unknown")
    marks.add_strikes(Cause.WORKER)
    assert history(redis, "a") == [b"1", None, b"worker"]


def test_no_record_is_made_of_a_page_that_is_unknown(redis: RedisServer, marks: CrashMarks) -> None:
    marks.mark(["forgotten"])
    marks.add_strikes(Cause.WORKER)
    assert not redis.client.exists(keys.task("forgotten"))
