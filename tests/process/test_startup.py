"""A worker that cannot start says why, and leaves no process behind."""

from types import SimpleNamespace
from typing import Any

import pytest

from ocr_celery.consumer.startup import WorkerStartError, start_decoder
from ocr_celery.decode import child_process
from ocr_celery.settings import Settings

ENGINE: Any = SimpleNamespace(max_side=1280)


def test_a_worker_whose_decoders_cannot_be_started_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_START", "import sys; sys.exit(3)")
    with pytest.raises(WorkerStartError, match=r"no process that decodes files can be started: .*3"):
        start_decoder(Settings(), ENGINE, lambda _: None)


def test_a_decoder_has_its_processes_once_it_is_started() -> None:
    decoder = start_decoder(Settings(), ENGINE, lambda _: None)
    assert decoder.children.pids()
    decoder.close()
    assert not decoder.children.pids()
