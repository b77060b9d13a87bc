"""A page's message is Celery's own, however it is made."""

import base64
import json
from typing import Any

import pytest
from celery import signals

from ocr_celery.client import Client
from ocr_celery.transport import outbox

OPTIONS = {"prompt": "<image>\nFree OCR.", "temperature": 0.0}
PARENT = "7f0e9f4e-0000-4000-8000-000000000001"


def opened(command: outbox.Command) -> tuple[str, str, dict[str, Any]]:
    """Without what differs from message to message, and what Celery says twice."""
    verb, queue, text = command
    message = json.loads(text)
    message["body"] = json.loads(base64.b64decode(message["body"]))
    assert message["properties"].pop("delivery_tag")
    for said_in_the_headers in ("argsrepr", "kwargsrepr"):
        message["properties"].pop(said_in_the_headers, None)
    return verb, queue, message


def made(client: Client, id: str) -> outbox.Command:
    return outbox.build_message(client.app, "ocr", "ocr.url", "http://a/b.png", OPTIONS, id=id, shown="http://a/b.png")


def sent_by_celery(client: Client, id: str) -> outbox.Command:
    with outbox.capture() as messages:
        client.app.send_task(
            "ocr.url",
            ["http://a/b.png"],
            OPTIONS,
            task_id=id,
            argsrepr="(http://a/b.png)",
            kwargsrepr="{}",
            retry=False,
        )
    return messages[0]


def test_it_is_the_message_that_send_task_makes(client: Client) -> None:
    assert opened(made(client, "one")) == opened(sent_by_celery(client, "one"))


def test_a_page_that_is_sent_alone_and_those_of_a_batch_wait_in_a_lane_each(client: Client) -> None:
    client.submit_url("http://a/1.png")  # the queue shows it
    client.submit_url("http://a/2.png")
    client.submit_batch(["http://a/3.png", "http://a/4.png"])
    lists = (client.keys.queue, client.keys.lane("single"), client.keys.lane("bulk"))
    assert [client.redis.llen(name) for name in lists] == [1, 1, 2]


def test_what_is_urgent_goes_to_the_head_of_the_queue(client: Client) -> None:
    with outbox.capture(lane="bulk") as commands:
        client.app.send_task("ocr.url", ["http://a/"], priority=9)
    assert [command[:2] for command in commands] == [("RPUSH", "ocr")]


def test_it_names_the_task_that_sends_it(client: Client) -> None:
    found: list[tuple[outbox.Command, outbox.Command]] = []

    @client.app.task(name="tests.parent")
    def parent() -> None:
        found.append((made(client, "one"), sent_by_celery(client, "one")))

    parent.apply(task_id=PARENT)
    (ours, celerys), *_ = found
    assert opened(ours) == opened(celerys)
    assert opened(ours)[2]["headers"]["parent_id"] == PARENT


@pytest.mark.parametrize("send", [made, sent_by_celery])
def test_who_listens_to_what_celery_sends_hears_of_it(client: Client, send: Any) -> None:
    heard: list[Any] = []

    def before(headers: dict[str, Any], routing_key: str, **_: Any) -> None:
        headers["traceparent"] = "00-ab"
        heard.append(("before", headers["id"], routing_key))

    def after(headers: dict[str, Any], **_: Any) -> None:
        heard.append(("after", headers["id"]))

    signals.before_task_publish.connect(before)
    signals.after_task_publish.connect(after)
    message = send(client, "one")
    assert heard == [("before", "one", "ocr"), ("after", "one")]
    assert opened(message)[2]["headers"]["traceparent"] == "00-ab"
