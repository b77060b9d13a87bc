"""The environment of the vLLM tests and their engine. Import it before anything that makes the Celery application."""

import os
import sys
from pathlib import Path

from ocr_celery.engine.vllm.config import VllmConfig
from ocr_celery.engine.vllm.engine import VllmEngine
from tests.testlib.processes import ROOT, RedisServer

PLUGIN = ROOT / "tests" / "vllm" / "plugin"
sys.path.insert(0, str(PLUGIN))
for name in [name for name in os.environ if name.startswith("OCR_")]:
    del os.environ[name]
server = RedisServer()
os.environ |= {
    "REDIS_URL": server.url,  # the Celery application is made once a process, on import
    "PYTHONPATH": str(PLUGIN),  # vLLM's processes look for plugins there
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


def engine(checkpoint: Path, *, watchdog: float = 30) -> VllmEngine:
    """With eight places, not started."""
    config = VllmConfig(
        path=str(checkpoint), capacity=8, max_model_len=4096, gpu_memory_utilization=0.5, tensor_parallel_size=1
    )
    return VllmEngine(config, watchdog=watchdog)
