"""The child process: loads the engine and measures it, with output as lines of JSON."""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from probe.advice import Step, batch_sizes


def measure(image: Path, max_batch: int, prompt: str | None) -> None:
    """Print the machine, each page and each step as a line of JSON to standard output."""
    from ocr_celery.decode.image import load
    from ocr_celery.engine.factory import create_engine
    from ocr_celery.settings import load_settings

    threading.Thread(target=_end_with_parent, daemon=True).start()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # engines and their processes print to standard output
    settings = load_settings()
    engine = create_engine(settings)
    events: SimpleQueue[Any] = SimpleQueue()
    engine.start(events.put, events.put)
    _print_json(out, machine=_machine(), engine=engine.name, model=engine.model)
    page = load(image.read_bytes(), max_pixels=settings.max_image_pixels, max_side=engine.max_side)
    options = replace(settings.options(), **({"prompt": prompt} if prompt else {}))
    for batch in batch_sizes(max_batch):
        step = _measure_step(engine, events, out, batch, {"page": page, "options": options})
        _print_json(out, step=asdict(step))
    engine.stop()


def _measure_step(engine: Any, events: SimpleQueue[Any], out: IO[str], batch: int, request: dict[str, Any]) -> Step:
    """Keep `batch` pages inside until enough are read. Raises what the engine or a page fails with."""
    from ocr_celery.engine.contract import EngineRequest

    count = max(8, 3 * batch)
    started_at, cpu = time.monotonic(), _cpu_seconds()
    seconds: list[float] = []
    entered = 0
    while len(seconds) < count:
        free = min(batch - (entered - len(seconds)), count - entered)
        if free > 0:
            engine.enter([EngineRequest(id=f"{batch}-{entered + n}", **request) for n in range(free)])
            entered += free
        for outcome in _outcomes(events.get()):
            seconds.append(outcome.seconds)
            _print_json(out, page=len(seconds), of=count, batch=batch)
    rate = count / (time.monotonic() - started_at)
    cpu = (_cpu_seconds() - cpu) / count
    seconds.sort()
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    return Step(batch=batch, rate=rate, p50=seconds[len(seconds) // 2], p95=p95, cpu=cpu, memory=_memory())


def _outcomes(event: Any) -> Iterator[Any]:
    """The outcomes of an engine's callback. Raises the engine's failure, or a page's."""
    if isinstance(event, BaseException):
        raise event
    for outcome in event:
        if isinstance(outcome.result, Exception):
            raise outcome.result
        yield outcome


def _end_with_parent() -> None:
    """Kill this process group when the parent, which has the other end of standard input, is gone."""
    sys.stdin.read()
    os.killpg(0, 9)  # this process leads a group


def _print_json(out: IO[str], **event: Any) -> None:
    print(json.dumps(event), file=out, flush=True)


def _cuda() -> Any:
    """torch.cuda, where the engine has loaded torch and there is a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _machine() -> str:
    if cuda := _cuda():
        return str(cuda.get_device_name(0))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "CPU"
    return f"{name}, {os.cpu_count()} cores"


def _memory() -> int:
    if cuda := _cuda():
        free, total = cuda.mem_get_info()
        return int(total - free)
    return sum(_peak(pid) for pid in _family(os.getpid()))


def _cpu_seconds() -> float:
    return sum(_ticks(pid) for pid in _family(os.getpid())) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    """Of the processor, as user and in the kernel. 0 where there is no /proc, or the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
