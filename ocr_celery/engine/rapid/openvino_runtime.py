"""OpenVINO: runs calls in threads of its own, as many as call a model at once, and gives memory back after large inputs."""

import threading
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from ocr_celery.engine.rapid.runtimes import Array, is_large

#: kernels of one model that are kept, with their memory: each further width of a line needs its own, and a page has dozens
_MOST_KERNELS = 64


class OpenVinoRuntime:
    """Implements `runtimes.Runtime`."""

    name = "openvino"
    version = version("openvino")

    def load(self, file: Path, *, threads: int = 1) -> "OpenVinoSession":
        """See `Runtime.load`."""
        core = openvino.Core()
        model = core.read_model(str(file))
        settings = {
            "NUM_STREAMS": threads,  # each has its own memory for what lies between layers
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # whatever else runs on the machine moves, too
            "INFERENCE_PRECISION_HINT": "f32",  # the same text on a processor that could do with less precise numbers
            "CPU_RUNTIME_CACHE_CAPACITY": _MOST_KERNELS,
        }
        return OpenVinoSession(core.compile_model(model, "CPU", settings), _metadata(model), threads)


class OpenVinoSession:
    """Implements `runtimes.Session`; each thread that calls it has a request of its own."""

    def __init__(self, compiled: Any, metadata: dict[str, str], threads: int) -> None:
        self._compiled, self._turns = compiled, threading.Semaphore(threads)
        self._alone = threads == 1  # a model that another thread is in does not give memory back
        self.metadata: Mapping[str, str] = metadata
        self._own = threading.local()

    def run(self, *inputs: Array) -> list[Array]:
        """See `Session.run`."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._compiled.create_infer_request()
        with self._turns:
            request.infer(list(inputs))
            outputs = [np.array(request.get_output_tensor(n).data) for n in range(len(self._compiled.outputs))]
            if self._alone and is_large(inputs):
                self._compiled.release_memory()
        return outputs


def _metadata(model: Any) -> dict[str, str]:
    """What an ONNX file says of its model lies below `framework`, where it says anything."""
    said = model.get_rt_info()
    if "framework" not in said:
        return {}
    return {name: str(value.value) for name, value in said["framework"].items()}
