"""Facts of a service whose records disagree, are missing or are invalid."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.options import Options
from ocr_celery.core.service_facts import FRESH_SECONDS, KEEP_SECONDS, ServiceFacts, other_queues

NOW = 1_700_000_000.0
OWN = ServiceFacts(queue_limit=1, task_ttl=2, options=Options(max_tokens=3))
FACADE = ServiceFacts(queue_limit=10, task_ttl=20, options=Options(max_tokens=30))
WORKER = ServiceFacts(queue_limit=100, task_ttl=200, options=Options(max_tokens=300))


def told(now: float = NOW, **records: str | bytes) -> ServiceFacts:
    return ServiceFacts.from_records(records, OWN, now=now)


def test_each_fact_comes_from_the_process_that_applies_it() -> None:
    both = told(facade=FACADE.record(now=NOW), worker=WORKER.record(now=NOW))
    assert both == ServiceFacts(queue_limit=10, task_ttl=200, options=Options(max_tokens=300))


def test_a_single_record_is_used_for_all_facts() -> None:
    assert told(facade=FACADE.record(now=NOW)) == FACADE
    assert told(worker=WORKER.record(now=NOW).encode()) == WORKER


def test_a_record_stays_valid_for_a_while_after_its_process_is_gone() -> None:
    said = WORKER.record(now=NOW)
    assert told(NOW + KEEP_SECONDS - 1, worker=said) == WORKER
    assert told(NOW + KEEP_SECONDS + 1, worker=said) == OWN
    facade = FACADE.record(now=NOW + KEEP_SECONDS)
    assert told(NOW + KEEP_SECONDS + 1, worker=said, facade=facade) == FACADE


def test_without_records_the_own_settings_of_the_client_apply() -> None:
    assert told() == OWN


@pytest.mark.parametrize("record", ["", "[]", "7", "null", "{}", "{", b"\xff", '{"at": "now"}', "[" * 100_000])
def test_an_invalid_record_is_ignored(record: str | bytes) -> None:
    assert told(worker=record, facade=record) == OWN
    assert other_queues(record, "ocr", now=NOW) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(json.loads(OWN.record(now=0)), JSON)))
def test_invalid_values_in_a_record_are_ignored(record: dict[str, Any]) -> None:
    facts = told(worker=json.dumps({**record, "at": NOW}), facade=json.dumps(record))
    assert facts.queue_limit > 0
    assert facts.task_ttl > 0
    assert isinstance(facts.options, Options)
    other_queues(json.dumps(record), "ocr", now=NOW)


def test_the_other_queues_of_a_worker_are_known_while_it_lives() -> None:
    said = WORKER.record(now=NOW, queues=("a", "b"))
    assert other_queues(said, "ocr", now=NOW + 1) == ("a", "b")
    assert other_queues(said, "b", now=NOW + 1) == ()
    assert other_queues(said, "ocr", now=NOW + FRESH_SECONDS + 1) == ()
