"""What measurements of the vLLM engine run on: a Redis and a worker process of their own, and the checkpoint of the tests.

Needs the virtual environment of `make test-vllm`.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ocr_celery.client import Client
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, Worker, png, until

ROOT = Path(__file__).parent.parent
__all__ = ["PLACES", "TOKENS", "checkpoint", "png", "service", "until"]
PLACES = 4
_PLUGIN = ROOT / "tests" / "vllm" / "plugin"
sys.path.insert(0, str(_PLUGIN))  # vLLM in this process looks for plugins there, too


_WARM = 600  #: seconds that loading may take on a busy machine
TOKENS = 4096  #: of the generated checkpoint: prompt, picture and answer together


@contextmanager
def checkpoint(given: str | None = None) -> Iterator[str]:
    """The model to measure with: the one given, or the checkpoint of the tests. Sets what vLLM needs on a CPU."""
    os.environ |= {
        "PYTHONPATH": str(_PLUGIN),  # vLLM's processes look for plugins there
        "HF_HUB_OFFLINE": "1",
        # on a GPU the model computes beside the CPU: it shall leave a core to all that has to keep it busy
        "OMP_NUM_THREADS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends too
    with ExitStack() as stack:
        if given is None:
            from tests.testlib.vllm.checkpoint import write

            given = str(write(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "checkpoint"))
        yield given


@contextmanager
def service(model: str, **settings: object) -> Iterator[tuple[Client, Worker]]:
    """A Redis, a warm worker with that model, and a client. `settings`: OCR_… variables."""
    redis = RedisServer()
    redis.start()
    given = {
        "OCR_ENGINE": "vllm",
        "OCR_MODEL_PATH": model,
        "OCR_MAX_MODEL_LEN": TOKENS,
        "OCR_DEFAULT_MAX_TOKENS": TOKENS,
        "OCR_BATCH_SIZE": PLACES,
        "OCR_LOG_FORMAT": "json",
        **settings,
    }
    os.environ["REDIS_URL"] = redis.url  # the Celery application is made from it, on import
    worker = Worker("bench", redis.url, given)
    try:
        until(lambda: _ready(worker), timeout=_WARM, what="the worker is warm")
        yield Client(Settings(redis_url=redis.url, max_queue_size=10_000)), worker
    finally:
        worker.end()
        redis.stop()


def _ready(worker: Worker) -> bool:
    assert worker.process.poll() is None, worker.log
    return f"{worker.name} ready." in worker.log
