"""ONNX Runtime: runs each call in the thread that makes it."""

import threading
from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from ocr_celery.engine.rapid.runtimes import Array

_PROVIDER = "CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"}
_NOTHING_BUT_FATAL = 4


class OnnxRuntime:
    """Implements `runtimes.Runtime`."""

    name = "onnxruntime"
    version = str(onnxruntime.__version__)

    def load(self, file: Path, *, threads: int = 1) -> "OnnxRuntimeSession":
        """See `Runtime.load`."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # pages are read in threads already
        options.enable_cpu_mem_arena = False  # it never gives back what the largest page needed
        options.log_severity_level = _NOTHING_BUT_FATAL
        return OnnxRuntimeSession(onnxruntime.InferenceSession(str(file), options, [_PROVIDER]), threads)


class OnnxRuntimeSession:
    """Implements `runtimes.Session`."""

    def __init__(self, session: onnxruntime.InferenceSession, threads: int) -> None:
        self._session, self._turns = session, threading.Semaphore(threads)
        self._inputs = [node.name for node in session.get_inputs()]
        self.metadata: Mapping[str, str] = dict(session.get_modelmeta().custom_metadata_map)

    def run(self, *inputs: Array) -> list[Array]:
        """See `Session.run`."""
        with self._turns:
            return list(self._session.run(None, dict(zip(self._inputs, inputs, strict=True))))
