"""Which runtime reads: the one that needs less of this processor, which is tried once and remembered in a file.

OpenVINO needs two thirds of ONNX Runtime's time on some processors and as much on others, and more memory on all.
"""

import hashlib
import json
import logging
import os
import platform
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ocr_celery.engine.rapid.runtime_trial import TrialFailed, TrialUnfinished, try_runtime

log = logging.getLogger(__name__)

FALLBACK = "onnxruntime"
_RUNTIMES = ("openvino", FALLBACK)
_WORTHWHILE = 0.9  #: of the fallback's time; OpenVINO's memory is not spent for less
_TRIAL_SECONDS = 120.0  #: for one runtime, on a machine that does much else
_FILE = "cpu-runtime.json"
_TRIAL_VERSION = 2  #: raised when what is tried changes

Figures = dict[str, float | None]  #: seconds of a runtime's trial; None: it does not run here


def choose_runtime(cache_dir: Path | None, *, try_out: Callable[[str, float], float] = try_runtime) -> str:
    """The name of the runtime to read with. Results of trials are kept in `cache_dir`; without one, each start runs a trial."""
    if not _version("openvino"):
        log.info("runtime chosen: %s, openvino is not installed", FALLBACK)
        return FALLBACK
    key = _key(_processor(), {name: _version(name) for name in _RUNTIMES})
    file = cache_dir / _FILE if cache_dir else None
    figures = _remembered(file, key) if file else None
    if figures is None:
        try:
            figures = {name: _figure(name, try_out) for name in _RUNTIMES}
        except TrialUnfinished as exc:
            log.warning("runtime not tried: %s reads until the next start, %s", FALLBACK, exc)
            return FALLBACK
        if file:
            _remember(file, key, figures)
    chosen = _better(figures)
    log.info("runtime chosen: %s, seconds of a trial: %s", chosen, _told(figures))
    return chosen


def _better(figures: Mapping[str, float | None]) -> str:
    openvino, fallback = figures["openvino"], figures[FALLBACK]
    if openvino is None:
        return FALLBACK
    return "openvino" if fallback is None or openvino <= _WORTHWHILE * fallback else FALLBACK


def _told(figures: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name}={'fails' if taken is None else f'{taken:.3f}'}" for name, taken in figures.items())


def _figure(name: str, try_out: Callable[[str, float], float]) -> float | None:
    try:
        return try_out(name, _TRIAL_SECONDS)
    except TrialFailed as exc:
        log.warning("runtime not usable: %s, %s", name, exc)
        return None


def _version(name: str) -> str:
    """The version of the package of this name; "" where there is none, as of ONNX Runtime with a GPU, whose name is another."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """The processor's model and abilities: a name alone may stand for several on rented machines."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        known = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
        told = [known[name] for name in known if name.strip() in ("model name", "flags", "Features", "CPU part")]
        if told:
            return "\n".join(sorted(told))
    return f"{platform.machine()} {platform.processor()}"


def _key(processor: str, versions: Mapping[str, str]) -> str:
    told = json.dumps([_TRIAL_VERSION, processor, dict(versions)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _remembered(file: Path, key: str) -> Figures | None:
    """What trials found on such a processor; None where nothing is known, or what lies there is not ours."""
    figures = _all_remembered(file).get(key)
    if not isinstance(figures, dict) or set(figures) != set(_RUNTIMES):
        return None
    if all(taken is None or (isinstance(taken, float) and taken > 0) for taken in figures.values()):
        return figures
    return None


def _all_remembered(file: Path) -> dict[str, object]:
    try:
        kept = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _remember(file: Path, key: str, figures: Figures) -> None:
    """Machines that share the folder keep what others found, unless both write at the same moment: then one tries again."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(_all_remembered(file) | {key: figures}))
        part.replace(file)
    except OSError as exc:
        with suppress(OSError):
            part.unlink()
        log.warning("runtime's trial not remembered: the next start tries again, %s", exc)
