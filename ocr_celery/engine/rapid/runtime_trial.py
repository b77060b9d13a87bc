"""Measures a runtime in a process of its own, so that one that this processor cannot run ends that process and no worker.

    python -m ocr_celery.engine.rapid.runtime_trial openvino

Prints the seconds of processor time that a short picture and three lines take, as a number. It is not the clock's time: the
machine may be busy with something else.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from ocr_celery.engine.rapid.model_files import MODEL_FILES
from ocr_celery.engine.rapid.runtimes import open_runtime

_PACKAGE = Path(__file__).parents[3]
_DETECTION = (1, 3, 480, 480)
_LINES = [(1, 3, 48, width) for width in (160, 400, 800)]  #: pixels
_ROUNDS = 3  #: of which the shortest counts, and one before them that loads what there is to load


class TrialFailed(Exception):
    """The runtime does not run here; says why."""


class TrialTooSlow(Exception):
    """The machine is too busy for a trial."""


def try_runtime(name: str, timeout: float) -> float:
    """Seconds of processor time that this runtime needs for the trial.

    Raises `TrialFailed`; `TrialTooSlow` after `timeout` seconds.
    """
    command = [sys.executable, "-m", __name__, name]
    try:
        done = subprocess.run(
            command,
            cwd=_PACKAGE,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except OSError as exc:
        raise TrialFailed(str(exc)) from exc
    except subprocess.TimeoutExpired as exc:
        raise TrialTooSlow from exc
    if done.returncode < 0:
        raise TrialFailed(f"ended by signal {-done.returncode}")
    try:
        return float(done.stdout)
    except ValueError:
        raise TrialFailed((done.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]) from None


def measure(name: str) -> float:
    """The trial itself, in this process. Raises what the runtime raises."""
    runtime = open_runtime(name)
    detector, recognizer = (runtime.load(MODEL_FILES[step], threads=1) for step in ("Det", "Rec"))
    noise = np.random.default_rng(0)
    work = [(detector, noise.random(_DETECTION, np.float32))]
    work += [(recognizer, noise.random(shape, np.float32)) for shape in _LINES]
    taken = []
    for _ in range(1 + _ROUNDS):
        started_at = time.process_time()
        for session, picture in work:
            session.run(picture)
        taken.append(time.process_time() - started_at)
    return min(taken[1:])


if __name__ == "__main__":
    print(measure(sys.argv[1]))
