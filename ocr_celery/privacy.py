"""Nothing that a page is read with reports to anybody, or leaves files about: that is settled before a library is imported.

Each reads its variable once, when it is loaded, and some when a process of theirs starts; so the variables stand in the
environment, where child processes find them too. `ocr_celery.engine` sets them, and no library of an engine is imported
before that package.
"""

import os
from pathlib import Path

OPT_OUTS = {
    "DO_NOT_TRACK": "1",  # vLLM, huggingface_hub, and whatever else heeds the common name
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: asks a host for its address, and keeps a device id and a database in ~/.cache
    "VLLM_NO_USAGE_STATS": "1",  # vLLM: usage statistics, also kept in ~/.config
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub: names of libraries and versions in each request to the hub
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray, by which vLLM may spread a model over GPUs
}
#: where vLLM and its company keep what they compile, by folders under ours; else it is ~/.cache, ~/.triton and ~/.nv
CACHES = {
    "VLLM_CACHE_ROOT": "vllm",
    "TRITON_CACHE_DIR": "triton",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "CUDA_CACHE_PATH": "cuda",
}
OFFLINE = {"HF_HUB_OFFLINE": "1"}  # transformers and vLLM heed it as well


def opt_out() -> None:
    """Turn telemetry off in this process and those it starts. What the environment says already stays."""
    _set_defaults(OPT_OUTS)


def stay_offline(model: str) -> None:
    """Ask no hub for anything where the model is a folder. What the environment says already stays."""
    if Path(model).is_dir():
        _set_defaults(OFFLINE)


def set_cache_folders(folder: Path) -> None:
    """Have libraries keep in this folder what they compile, so that the next start need not; where it may be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        _set_defaults({name: str(folder.resolve() / part) for name, part in CACHES.items()})


def _set_defaults(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        os.environ.setdefault(name, value)
