"""A message is looked at before Celery acts on it: what Celery's senders make passes, any other type is named, not shown."""

from typing import Any

import pytest
from celery import Celery, chain, chord, group
from kombu.utils.json import dumps, loads

from ocr_celery.consumer.task_headers import fault
from tests.testlib.malformed_messages import HEADERS, LINKS, VALUES, good

SECRET = "an address that is nobody's business"
app = Celery("elsewhere", set_as_current=False, broker="memory://")


@app.task(name="elsewhere.read")
def read(*args: Any, **kwargs: Any) -> None:
    """Never run."""


def made(signature: Any, **options: Any) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """(headers, properties, payload) as a worker gets them of what Celery itself makes of a signature."""
    given = {**signature.options, **options}
    links = {
        "callbacks": given.pop("link", None),
        "errbacks": given.pop("link_error", None),
        "chain": given.pop("chain", None),
        "chord": given.pop("chord", None),
    }
    given = {name: value for name, value in given.items() if name in ("expires", "countdown", "time_limit", "stamps")}
    message = app.amqp.as_task_v2("an-id", signature.task, signature.args, signature.kwargs, **links, **given)
    return tuple(loads(dumps(part)) for part in message[:3])  # type: ignore[return-value]


def test_what_celery_makes_passes() -> None:
    one = app.signature("elsewhere.read", args=["x"], kwargs={"a": 1})
    nested = chord(group(one, one), body=one | one, app=app)
    for links in (
        {},
        {"link": [one], "link_error": [one]},
        {"chain": [one, nested, group(one, one, app=app)]},
        {"chord": one},
        {"chord": chain(one, one, app=app)},
        {"link": [nested], "expires": 60, "countdown": 5, "time_limit": 3.5},
    ):
        assert fault(*made(one, **links)) == ""


def test_the_first_protocol_passes() -> None:
    body = {"task": "elsewhere.read", "id": "an-id", "args": ["x"], "kwargs": {"a": 1}, "retries": 0, "eta": None}
    assert fault({}, {"correlation_id": "an-id"}, body) == ""
    assert "task" in fault({}, {}, {**body, "task": 7})
    assert "kwargs" in fault({}, {}, {**body, "kwargs": [1]})


@pytest.mark.parametrize("name", ["id", "task", "retries", "timelimit", "eta", "argsrepr", "stamped_headers"])
@pytest.mark.parametrize("value", [{"a": 1}, [[1]], 1.5], ids=repr)
def test_another_type_is_named(name: str, value: object) -> None:
    message = good(b"")
    message["headers"][name] = value
    assert fault(message["headers"], message["properties"], [[], {}, {}]).startswith(f"{name} ")


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("value", [7, "x", {"a": 1}, [[]], [{"task": 7}], [{"task": "x", "options": 7}]], ids=repr)
def test_links_that_are_no_signatures_are_named(name: str, value: object) -> None:
    message = good(b"")
    assert fault(message["headers"], message["properties"], [[], {}, {name: value}]).startswith(f"{name} ")


@pytest.mark.parametrize(
    "payload", [None, 7, "x", [], [[]], [[], {}], ["x", {}, {}], [[], [], {}], [[], {}, 7], [1, 2, 3]]
)
def test_a_body_that_is_no_call_is_refused(payload: object) -> None:
    message = good(b"")
    assert fault(message["headers"], message["properties"], payload)


@pytest.mark.parametrize("name", HEADERS)
def test_no_value_raises_and_none_is_shown(name: str) -> None:
    for value in (*VALUES, {SECRET: SECRET}, [SECRET]):
        message = good(b"")
        message["headers"][name] = value
        assert SECRET not in fault(message["headers"], message["properties"], [[], {}, {}])
