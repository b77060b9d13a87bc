"""Whatever is sent to the calls of /openapi.json, they answer what it says, and never a 500."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from ocr_celery.client import Client
from ocr_celery.errors import EmptyFile
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, keys, own_redis, png
from tests.testlib.worker_double import WorkerDouble
from web import create_app
from web.examples import BATCH_ID, TASK_ID

pytest_plugins = ["schemathesis.pytest.plugin"]  # here only: it takes a second to import

CHECKS = [
    allow_header_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]

SENT_AS_JSON = ("/ocr/url", "/ocr/url/batch")

schemathesis.openapi.format("binary", st.sampled_from([png(), b"%PDF-1.7", b""]) | st.binary(max_size=64))


def described(max_queue_size: int) -> Any:
    """The facade as its document describes it."""
    limits = {
        "max_queue_size": max_queue_size,
        "max_batch_urls": 20,
        "web_waits": 0,
    }  # who asks with `wait` is answered at once
    settings = Settings(redis_url=own_redis().url, batch_size=1, **limits)
    return schemathesis.openapi.from_wsgi("/openapi.json", create_app(settings))


roomy, full = described(1_000_000), described(1)
# beside the examples and the values at each bound, which schemathesis tries first
bounded = settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _examples(redis: RedisServer, worker: WorkerDouble) -> Iterator[None]:
    """The tasks that the document takes as examples, and a queue that is full where it holds one."""
    client: Client = roomy.app.extensions["ocr_client"]
    id = client.submit_batch(["http://a/", "http://b/", "http://c/", None])
    redis.client.copy(keys.batch(id), keys.batch(BATCH_ID))
    tasks = [task.id for _, task in client.look_up_batch(id).items]
    worker.complete(tasks[0], "# Title", pages={"in_file": 2, "read": 1})
    worker.fail(tasks[1], EmptyFile())
    worker.start(tasks[2])
    worker.complete(TASK_ID, "# Title", pages={"in_file": 2, "read": 1})
    yield
    for schema in (roomy, full):
        schema.app.extensions["ocr_client"].redis.close()


def is_right_as_text(name: str, value: Any) -> bool:
    """Whether a value of a wrong type cannot be told from a right one in a form, where every field is a text."""
    if value in ([], {}, ""):
        return True  # sent as no field at all, or as one that is left empty
    if isinstance(value, list) and len(value) == 1:
        return True  # sent as the one value
    if name in ("prompt", "page_range", "password"):
        return isinstance(value, int | float)  # its digits are a text
    return isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", value) is not None


def vanishes_in_form(case: schemathesis.Case) -> bool:
    """Whether what is wrong with a form leaves no trace in it."""
    given = case.body if case.path == "/ocr" and isinstance(case.body, dict) else {}
    return any(is_right_as_text(name, value) for name, value in given.items())


def check(case: schemathesis.Case) -> None:
    answer = case.call()
    assert answer.status_code < 500 or answer.status_code in (501, 503)
    checks = [c for c in CHECKS if c is not negative_data_rejection] if vanishes_in_form(case) else CHECKS
    case.validate_response(answer, checks=checks)
    if case.path in SENT_AS_JSON and case.meta and case.meta.generation.mode.is_positive:
        malformed = answer.status_code == 422 and answer.json()["code"] in ("bad_url", "bad_page_range")
        assert malformed or answer.status_code in (200, 202, 503), "what is as documented is taken in"


@roomy.parametrize()
@bounded
def test_every_answer_is_as_documented(case: schemathesis.Case) -> None:
    check(case)


@full.include(method="POST").parametrize()
@settings(bounded, max_examples=3)
def test_every_answer_of_a_full_service_is_as_documented(case: schemathesis.Case) -> None:
    check(case)
