"""ONNX Runtime: runs each call in the thread that makes it, and gives memory back after large inputs only."""

import threading
from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from ocr_celery.engine.rapid.runtimes import Array, is_large

_PROVIDER = "CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"}
_NOTHING_BUT_FATAL = 4


def _giving_back() -> onnxruntime.RunOptions:
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


class OnnxRuntime:
    """Implements `runtimes.Runtime`."""

    name = "onnxruntime"
    version = str(onnxruntime.__version__)

    def load(self, file: Path, *, threads: int = 1) -> "OnnxRuntimeSession":
        """See `Runtime.load`."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # pages are read in threads already
        # ONNX Runtime would keep a memory plan for each input shape, and lines have hundreds of widths
        options.enable_mem_pattern = False
        # the error function takes 9 % of a line's time; this form of it takes 6 %
        options.add_session_config_entry("optimization.enable_gelu_approximation", "1")
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
        options = _giving_back() if is_large(inputs) else None
        with self._turns:
            return list(self._session.run(None, dict(zip(self._inputs, inputs, strict=True)), options))
