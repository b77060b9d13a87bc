"""A trial of a runtime, in a process of its own, says what it costs, or how it ended."""

import signal

import pytest

from ocr_celery.engine.rapid import runtime_trial
from ocr_celery.engine.rapid.runtime_trial import TrialFailed, TrialUnfinished, try_runtime


def test_a_trial_says_seconds_of_processor_time() -> None:
    assert 0.01 < try_runtime("onnxruntime", 300) < 300


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; os.kill(os.getpid(), 4)", "ended by signal 4"),
        ("raise ImportError('GLIBC_9 not found')", "ImportError: GLIBC_9 not found"),
        ("print('fast')", "it said nothing"),
    ],
)
def test_a_trial_that_ends_otherwise_says_how(monkeypatch: pytest.MonkeyPatch, program: str, said: str) -> None:
    run_instead(monkeypatch, program)
    with pytest.raises(TrialFailed, match=said):
        try_runtime("openvino", 300)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_trial_that_is_ended_from_outside_says_nothing_of_the_runtime(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    run_instead(monkeypatch, f"import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), {number:d})")
    with pytest.raises(TrialUnfinished, match=f"signal {number:d}"):
        try_runtime("openvino", 300)


def test_a_trial_that_takes_too_long_says_nothing_of_the_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, "import signal; signal.pause()")
    with pytest.raises(TrialUnfinished, match="did not end"):
        try_runtime("openvino", 0.01)


def run_instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Have trials run this program."""
    run = runtime_trial.subprocess.run
    monkeypatch.setattr(runtime_trial.subprocess, "run", lambda command, **how: run([command[0], "-c", program], **how))
