"""The processes that vLLM starts."""

from pathlib import Path

import psutil

from ocr_celery.engine.contract import Engine
from ocr_celery.engine.vllm import process_reaper
from tests.testlib.processes import Worker

WARM = 300  #: seconds a worker may take to load and read on a busy machine


def engine_pids(engine: Engine) -> list[int]:
    """The living processes of this engine, also when it is stopped."""
    return process_reaper.tagged_pids(engine.process_tag)  # type: ignore[attr-defined]


def named(name: str, pids: list[int]) -> int:
    """The one of these processes that calls itself so."""
    (found,) = (pid for pid in pids if name in Path(f"/proc/{pid}/cmdline").read_text())
    return found


def family(pid: int) -> list[psutil.Process]:
    """All that descends from this process, and itself."""
    process = psutil.Process(pid)
    return [*process.children(recursive=True), process]


def ready(worker: Worker) -> bool:
    assert worker.process.poll() is None, worker.log
    return f"{worker.name} ready." in worker.log
