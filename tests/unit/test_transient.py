"""Errors of Redis that pass are told from those that stay."""

import pytest
from celery.exceptions import BackendStoreError
from kombu.exceptions import OperationalError
from redis import exceptions
from redis._parsers.base import BaseParser

from ocr_celery.store.transient_errors import is_failover, is_transient

PASSES = (
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "NOREPLICAS Not enough good replicas to write.",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "NOAUTH Authentication required.",
    "WRONGPASS invalid username-password pair or user is disabled.",
    "NOPERM this user has no permissions to run the 'eval' command",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "ERR Error running script (call to f_1): @user_script:4: -OOM command not allowed when used memory > 'maxmemory'.",
)
STAYS = (
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "ERR Error running script (call to f_1): @user_script:4: WRONGTYPE Operation against a key",
    "ERR unknown command 'BLMOVE'",
    "NOSCRIPT No matching script.",
    "CROSSSLOT Keys in request don't hash to the same slot",
)


@pytest.mark.parametrize("said", PASSES)
def test_a_redis_that_cannot_work_now_may_later(said: str) -> None:
    assert is_transient(BaseParser.parse_error(said))


@pytest.mark.parametrize("said", STAYS)
def test_a_redis_that_cannot_do_this_will_not_tomorrow(said: str) -> None:
    assert not is_transient(BaseParser.parse_error(said))


@pytest.mark.parametrize(
    "kind", [exceptions.ConnectionError, exceptions.TimeoutError, ConnectionResetError, TimeoutError]
)
def test_a_lost_connection_passes(kind: type[Exception]) -> None:
    assert is_transient(kind("x"))


def caused_by(wrapper: Exception, cause: Exception) -> Exception:
    try:
        raise wrapper from cause
    except Exception as exc:
        return exc


@pytest.mark.parametrize("wrapper", [OperationalError("x"), BackendStoreError("x")])
def test_an_error_of_a_library_is_what_caused_it(wrapper: Exception) -> None:
    assert is_transient(caused_by(type(wrapper)("x"), exceptions.ConnectionError("away")))
    assert not is_transient(caused_by(type(wrapper)("x"), KeyError("no such codec")))
    assert not is_transient(wrapper)


def test_only_a_redis_that_takes_no_writes_may_have_a_successor() -> None:
    elsewhere = {said for said in PASSES if is_failover(BaseParser.parse_error(said))}
    assert {said.partition(" ")[0] for said in elsewhere} == {"READONLY", "NOREPLICAS", "MASTERDOWN", "UNBLOCKED"}
