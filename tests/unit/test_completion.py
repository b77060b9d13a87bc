"""The message of a document whose pages are queued is done, or goes back into the queue where Redis does not take that."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state as worker_state
from redis.exceptions import ConnectionError as RedisDown

from ocr_celery.consumer.completion import acknowledge_expanded
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.message import IMAGE
from ocr_celery.transport import pending_acks


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker_state, "task_ready", lambda _: None)
    yield
    pending_acks.discard("tag")


def expanded(*, is_cancelled: bool) -> tuple[PageRun, list[str]]:
    """A document whose pages are queued, in a worker whose Redis goes away then; and what becomes of its message."""
    ends: list[str] = []

    def redis_down(*_: object) -> None:
        raise RedisDown

    backend = SimpleNamespace(cancellation=SimpleNamespace(cancelled=lambda ids: set(ids) if is_cancelled else set()))
    request: Any = SimpleNamespace(
        id="d",
        type=IMAGE,
        task=SimpleNamespace(backend=backend),
        message=SimpleNamespace(delivery_tag="tag"),
        ignore_result=False,
        _already_revoked=False,
        _announce_revoked=redis_down,
        acknowledge=lambda: ends.append("acknowledged"),
        reject=lambda requeue: ends.append("requeued" if requeue else "dropped"),
    )
    return PageRun(request, None, (), lambda *_: None, None, is_expanded=True), ends


def test_it_is_acknowledged() -> None:
    run, ends = expanded(is_cancelled=False)
    acknowledge_expanded(run)
    assert ends == ["acknowledged"]


def test_it_goes_back_where_it_was_cancelled_and_its_chord_cannot_be_told() -> None:
    run, ends = expanded(is_cancelled=True)
    acknowledge_expanded(run)
    assert ends == ["requeued"]
