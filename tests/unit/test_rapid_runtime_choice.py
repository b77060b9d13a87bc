"""The runtime that needs less of this processor reads, and a start tries it out only once."""

import errno
import json
import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from ocr_celery.engine.rapid import runtime_choice
from ocr_celery.engine.rapid.runtime_choice import choose_runtime
from ocr_celery.engine.rapid.runtime_trial import TrialFailed, TrialUnfinished


class Trials:
    """Answers trials with what was said before, and counts them."""

    def __init__(self, **figures: float | Exception) -> None:
        self.figures, self.tried = figures, list[str]()

    def __call__(self, name: str, _timeout: float) -> float:
        self.tried.append(name)
        figure = self.figures[name]
        if isinstance(figure, Exception):
            raise figure
        return figure


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_choice, "version", lambda name: f"1 of {name}")


@pytest.mark.parametrize(
    ("openvino", "chosen"),
    [(0.6, "openvino"), (0.9, "openvino"), (0.95, "onnxruntime"), (1.2, "onnxruntime")],
)
def test_openvino_reads_where_it_needs_clearly_less_time(tmp_path: Path, openvino: float, chosen: str) -> None:
    assert choose_runtime(tmp_path, try_out=Trials(openvino=openvino, onnxruntime=1.0)) == chosen


def test_the_log_says_what_was_chosen_and_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    choose_runtime(tmp_path, try_out=Trials(openvino=0.6, onnxruntime=1.0))
    assert caplog.messages == ["runtime chosen: openvino, seconds of a trial: openvino=0.600, onnxruntime=1.000"]


def test_a_start_costs_no_further_trial(tmp_path: Path) -> None:
    choose_runtime(tmp_path / "new", try_out=Trials(openvino=0.6, onnxruntime=1.0))
    again = Trials(openvino=2.0, onnxruntime=1.0)
    assert choose_runtime(tmp_path / "new", try_out=again) == "openvino"
    assert again.tried == []


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(runtime_choice, "_processor", lambda: "another processor"),
        lambda patch: patch.setattr(runtime_choice, "version", lambda name: f"2 of {name}"),
    ],
    ids=["another processor", "another version"],
)
def test_another_processor_or_version_is_tried_anew_and_the_first_still_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    choose_runtime(tmp_path, try_out=Trials(openvino=0.6, onnxruntime=1.0))
    with monkeypatch.context() as patch:
        change(patch)
        assert choose_runtime(tmp_path, try_out=Trials(openvino=2.0, onnxruntime=1.0)) == "onnxruntime"
    known = Trials()
    assert choose_runtime(tmp_path, try_out=known) == "openvino"


def test_a_runtime_that_this_processor_cannot_run_is_not_taken_nor_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trials = Trials(openvino=TrialFailed("ended by signal 4"), onnxruntime=1.0)
    assert choose_runtime(tmp_path, try_out=trials) == "onnxruntime"
    assert "runtime not usable: openvino, ended by signal 4" in caplog.messages
    assert choose_runtime(tmp_path, try_out=trials) == "onnxruntime"
    assert trials.tried == ["openvino", "onnxruntime"]


def test_openvino_reads_where_nothing_else_runs(tmp_path: Path) -> None:
    assert choose_runtime(tmp_path, try_out=Trials(openvino=1.0, onnxruntime=TrialFailed("no"))) == "openvino"


def test_a_trial_that_did_not_end_is_tried_at_the_next_start(tmp_path: Path) -> None:
    assert choose_runtime(tmp_path, try_out=Trials(openvino=TrialUnfinished("late"))) == "onnxruntime"
    assert choose_runtime(tmp_path, try_out=Trials(openvino=0.5, onnxruntime=1.0)) == "openvino"


def test_where_openvino_is_not_installed_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_only(monkeypatch, "onnxruntime")
    assert choose_runtime(tmp_path, try_out=Trials()) == "onnxruntime"
    assert list(tmp_path.iterdir()) == []


def test_an_onnxruntime_that_is_installed_under_another_name_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_only(monkeypatch, "openvino")
    assert choose_runtime(tmp_path, try_out=Trials(openvino=2.0, onnxruntime=1.0)) == "onnxruntime"


def install_only(monkeypatch: pytest.MonkeyPatch, installed: str) -> None:
    """Have no package of a runtime but this one."""

    def version(name: str) -> str:
        if name != installed:
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(runtime_choice, "version", version)


@pytest.mark.parametrize(
    "spoilt",
    ["", "[]", "{", "[" * 9999, "\\udcff", "null", '{"%s": 7}', '{"%s": {"openvino": "fast", "onnxruntime": 1.0}}'],
)
def test_what_else_lies_in_the_file_counts_as_nothing(tmp_path: Path, spoilt: str) -> None:
    file = tmp_path / "cpu-runtime.json"
    choose_runtime(tmp_path, try_out=Trials(openvino=0.6, onnxruntime=1.0))
    (key,) = json.loads(file.read_text())
    file.write_text(spoilt.replace("%s", key))
    assert choose_runtime(tmp_path, try_out=Trials(openvino=2.0, onnxruntime=1.0)) == "onnxruntime"
    assert choose_runtime(tmp_path, try_out=Trials()) == "onnxruntime"


def test_a_folder_that_cannot_be_written_to_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    assert choose_runtime(tmp_path / "file", try_out=Trials(openvino=0.6, onnxruntime=1.0)) == "openvino"
    assert "not remembered" in caplog.text


def test_a_full_disk_keeps_no_half_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_half(path: Path, _text: str) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    choose_runtime(tmp_path, try_out=Trials(openvino=0.6, onnxruntime=1.0))
    assert list(tmp_path.iterdir()) == []
