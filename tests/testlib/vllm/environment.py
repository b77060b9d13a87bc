"""The environment of the vLLM tests and their engine. Import it before anything that makes the Celery application."""

import os
import sys
from pathlib import Path

from ocr_celery.engine.vllm.engine import DeepseekEngine, Model
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


def engine(checkpoint: Path, *, watchdog: float = 30) -> DeepseekEngine:
    """With eight places, not started."""
    model = Model(path=str(checkpoint), capacity=8, max_tokens=4096, memory=0.5, gpus=1)
    return DeepseekEngine(model, watchdog=watchdog)
