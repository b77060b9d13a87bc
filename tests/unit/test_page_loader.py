"""What is loaded of a page that is not to be read any more."""

from types import SimpleNamespace
from typing import Any

import pytest

from ocr_celery.consumer.page_loader import PageLoader
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.document import page_id
from ocr_celery.core.quarantine import FAIL_AFTER, Cause, CrashHistory
from ocr_celery.errors import OcrError, PageDeadline
from ocr_celery.message import IMAGE, PAGE, URL
from ocr_celery.settings import Settings
from ocr_celery.store.documents import PageOf
from tests.testlib.text_pdf import latin, text_pdf

KILLER = CrashHistory(strikes=FAIL_AFTER, solo_strikes=FAIL_AFTER, last_cause=Cause.DEADLINE)


def loaded(task: str, *args: Any) -> PageRun:
    """A page of this task, which was in a worker's engine each time that its deadline passed."""
    history = SimpleNamespace(crashes=KILLER, created_at=1.0, is_expanded=False)
    redis = SimpleNamespace(register_script=lambda _: None)
    registry: Any = SimpleNamespace(redis=redis, keys=None, transition=lambda *_, **__: history)
    request = SimpleNamespace(id="a", type=task, _payload=(args, {}, {}), request_dict={})
    run = PageRun(request, None, (), lambda *_: None, None)
    files: Any = None
    PageLoader(Settings(), registry, files).load(run)
    return run


def test_a_pdf_is_loaded_since_it_may_have_a_text() -> None:
    run = loaded(IMAGE, text_pdf(latin("text")))
    assert run.file
    assert isinstance(run.convicted, PageDeadline)
    assert not run.quarantined


def test_so_is_a_page_of_a_document() -> None:
    assert isinstance(loaded(PAGE, "a document", 3).convicted, PageDeadline)


@pytest.mark.parametrize(("task", "source"), [(IMAGE, b"\xff\xd8 a picture"), (URL, "https://example.com/a.pdf")])
def test_an_image_fails_at_once_and_nothing_is_downloaded_again(task: str, source: Any) -> None:
    with pytest.raises(OcrError) as caught:
        loaded(task, source)
    assert isinstance(caught.value, PageDeadline)


@pytest.mark.parametrize(
    ("id", "args", "expected"),
    [
        (page_id("d", 3), ("d", 3), PageOf("d", 3, "other")),
        (page_id("d", 3), ("d", 4), None),
        ("made up", ("d", 3), None),
        (page_id("d", 3), ("d",), None),
    ],
)
def test_a_page_says_of_which_document_it_is_as_its_record_may_be_lost(
    id: str, args: tuple[Any, ...], expected: PageOf | None
) -> None:
    said: dict[str, Any] = {}
    registry: Any = SimpleNamespace(
        redis=SimpleNamespace(register_script=lambda _: None),
        keys=None,
        transition=lambda *_, **known: (
            said.update(known) or SimpleNamespace(crashes=KILLER, created_at=1.0, is_expanded=False)
        ),
    )
    info = {"routing_key": "other"}
    request = SimpleNamespace(id=id, type=PAGE, _payload=(args, {}, {}), request_dict={}, delivery_info=info)
    files: Any = None
    PageLoader(Settings(), registry, files).load(PageRun(request, None, (), lambda *_: None, None))
    assert said["page_of"] == expected
