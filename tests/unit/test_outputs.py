"""Which exports a worker asks for once a task has its result; Redis is played by the test."""

from types import SimpleNamespace
from typing import Any

import pytest

from ocr_celery.consumer.outputs import Outputs
from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.errors import NoResult
from ocr_celery.message import ASSEMBLE, IMAGE, PAGE
from tests.testlib.processes import keys


class Asked:
    """The exports that were asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.refuses = False

    def ask(self, export: ExportRequest, *_: object, **_more: object) -> None:
        if self.refuses:
            raise NoResult
        self.names.append(export.format)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr("ocr_celery.consumer.outputs.export_message", lambda *_: "message")
    return Asked()


def request(asked: Asked, run: Any, *, in_redis: bool = False) -> list[str]:
    documents = SimpleNamespace(outputs=lambda _: ("pdf",))
    outputs = Outputs(SimpleNamespace(keys=keys, documents=documents), ttl=10, in_redis=in_redis)  # type: ignore[arg-type]
    outputs.__dict__["_exports"] = asked
    outputs.request(run)
    return asked.names


def run_of(type: str, *, job: Any = None, kwargs: Any = None) -> Any:
    payload = ([b"image"], kwargs, {})
    return SimpleNamespace(
        id="a", job=job, task=SimpleNamespace(app=None), request=SimpleNamespace(type=type, _payload=payload)
    )


def test_what_the_sender_wanted_is_asked_for(asked: Asked) -> None:
    job = SimpleNamespace(file_options=DocumentOptions(outputs="zip,docx"))
    assert request(asked, run_of(IMAGE, job=job)) == ["zip", "docx"]


def test_of_a_task_that_was_completed_before_its_message_says_what(asked: Asked) -> None:
    assert request(asked, run_of(IMAGE, kwargs={"outputs": ["zip"]})) == ["zip"]


@pytest.mark.parametrize("kwargs", [None, [], {}, {"outputs": 7}, {"outputs": "exe"}, {"outputs": None}])
def test_a_message_that_names_none_asks_for_none(asked: Asked, kwargs: Any) -> None:
    assert request(asked, run_of(IMAGE, kwargs=kwargs)) == []


def test_a_document_has_its_own_and_a_page_of_it_none(asked: Asked) -> None:
    assert request(asked, run_of(PAGE, kwargs={"outputs": "zip"})) == []
    assert request(asked, run_of(ASSEMBLE)) == ["pdf"]


def test_where_no_files_are_kept_none_are_asked_for(asked: Asked) -> None:
    assert request(asked, run_of(ASSEMBLE), in_redis=True) == []


def test_a_task_that_lost_its_result_meanwhile_is_no_fault(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    asked.refuses = True
    assert request(asked, run_of(ASSEMBLE)) == []
    assert not [record for record in caplog.records if record.levelname != "INFO"]
