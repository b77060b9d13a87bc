"""Measures a runtime in a process of its own, so that one that this processor cannot run ends that process and no worker.

    python -m ocr_celery.engine.rapid.runtime_trial openvino

Prints the seconds of processor time that a short picture and three lines take, as a number. It is not the clock's time: the
machine may be busy with something else.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from ocr_celery.engine.rapid.model_files import MODEL_FILES
from ocr_celery.engine.rapid.runtimes import open_runtime

_PACKAGE = Path(__file__).parents[3]
_DETECTION = (1, 3, 608, 608)  #: `is_large`, so that the trial includes allocating and freeing a page's memory
_LINES = [(1, 3, 48, width) for width in (160, 400, 800)]  #: pixels
_ROUNDS = 3  #: of which the shortest counts, and one before them that loads what there is to load
#: signals by which a library ends its own process; others come from outside, as from a person, a supervisor or for want of memory
_CRASHES = {signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGTRAP, signal.SIGSYS}


class TrialFailed(Exception):
    """The runtime does not run here; says why."""


class TrialUnfinished(Exception):
    """The trial was not run to its end, which says nothing of the runtime; says why."""


def try_runtime(name: str, timeout: float) -> float:
    """Seconds of processor time that this runtime needs for the trial.

    Raises `TrialFailed`; `TrialUnfinished`, also after `timeout` seconds.
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
        raise TrialUnfinished(str(exc)) from exc
    except subprocess.TimeoutExpired as exc:
        raise TrialUnfinished(f"it did not end within {timeout:.0f} s") from exc
    if done.returncode < 0:
        crashed = -done.returncode in _CRASHES
        raise (TrialFailed if crashed else TrialUnfinished)(f"ended by signal {-done.returncode}")
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
