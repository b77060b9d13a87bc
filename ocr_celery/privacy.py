"""Turns off the telemetry of OCR libraries and keeps their caches in the service's folder, before any is imported.

A library reads its variables once, when it is imported, and some when a process of theirs starts; so they are set in the
environment, which child processes inherit. `ocr_celery.engine` sets them, and no engine library is imported before that
package.
"""

import os
import sys
from pathlib import Path

OPT_OUTS = {
    "DO_NOT_TRACK": "1",  # vLLM, huggingface_hub, and others that honour the common name
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime: asks a host for its address, and keeps a device id and a database in ~/.cache
    "VLLM_NO_USAGE_STATS": "1",  # vLLM: usage statistics, also kept in ~/.config
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub: names of libraries and versions in each request to the hub
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray, by which vLLM may spread a model over GPUs
}
#: modules that report use and have no switch in the environment; who imports them does without
BLOCKED = ("openvino_telemetry",)  # OpenVINO: its import reports, and keeps a device id in ~/intel
#: where vLLM and its compilers keep what they compile, by folders below ours; without: ~/.cache, ~/.triton and ~/.nv
CACHES = {
    "VLLM_CACHE_ROOT": "vllm",
    "TRITON_CACHE_DIR": "triton",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "CUDA_CACHE_PATH": "cuda",
}
OFFLINE = {"HF_HUB_OFFLINE": "1"}  # transformers and vLLM honour it, too


def opt_out() -> None:
    """Turn telemetry off in this process, and in its children where a variable does it. Variables that are set already stay."""
    _set_defaults(OPT_OUTS)
    for name in BLOCKED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # its import fails from now on


def stay_offline(model: str) -> None:
    """Let no library contact a model hub if `model` is a folder. Variables that are set already stay."""
    if Path(model).is_dir():
        _set_defaults(OFFLINE)


def set_cache_folders(folder: Path) -> None:
    """Have libraries keep what they compile in this folder, for the next start; nothing if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        _set_defaults({name: str(folder.resolve() / part) for name, part in CACHES.items()})


def _set_defaults(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        os.environ.setdefault(name, value)
