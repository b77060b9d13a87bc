"""Each page that a worker is done with is announced once to every listener, and no listener harms a page."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from ocr_celery.consumer.page_events import PageDone, announce
from ocr_celery.errors import DownloadFailed, EmptyFile, OcrError


def done(result: Any, *, retries: int = 0, max_retries: int | None = 3) -> PageDone:
    request = SimpleNamespace(request_dict={"retries": retries}, task=SimpleNamespace(max_retries=max_retries))
    run: Any = SimpleNamespace(id="a", request=request)
    return PageDone(run, result)


def test_every_listener_hears_of_a_page_although_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[PageDone] = []

    def fail(_: PageDone) -> None:
        raise RuntimeError("the disk of the metrics is full")

    event = done({"text": "read"})
    with caplog.at_level(logging.ERROR):
        announce([fail, heard.append], event)
    assert heard == [event]
    assert [record.getMessage() for record in caplog.records] == ["page listener failed: task a"]


@pytest.mark.parametrize(
    ("result", "retries", "max_retries", "tries", "is_retried"),
    [
        ({"text": "read"}, 0, 3, 1, False),
        (DownloadFailed("a"), 0, 3, 1, True),
        (DownloadFailed("a"), 2, 3, 3, True),
        (DownloadFailed("a"), 3, 3, 4, False),
        (DownloadFailed("a"), 0, None, 1, False),
        (EmptyFile(), 0, 3, 1, False),
    ],
)
def test_a_page_is_retried_while_its_error_may_pass_and_tries_are_left(
    result: dict[str, Any] | OcrError, retries: int, max_retries: int | None, tries: int, is_retried: bool
) -> None:
    event = done(result, retries=retries, max_retries=max_retries)
    assert (event.tries, event.is_retried) == (tries, is_retried)
