"""What runs the files of models: a runtime loads a file into a session, and no other module knows which runtime it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

_LARGE = 1 << 20  #: numbers in an input


class Session(Protocol):
    """A loaded model. Threads may share it."""

    metadata: Mapping[str, str]  #: what the file says of its model, as the characters that it knows

    def run(self, *inputs: Array) -> list[Array]:
        """The model's outputs for its inputs, both in the order of the file. Outputs are the caller's."""


class Runtime(Protocol):
    """A library that runs ONNX files on the processor, one thread for each call."""

    name: str  #: as OCR_RAPID_RUNTIME has it
    version: str

    def load(self, file: Path, *, threads: int = 1) -> Session:
        """The model in this file. So many threads are in it at once, with the memory that takes; more wait.

        Raises what the library raises.
        """


def is_large(inputs: Sequence[Array]) -> bool:
    """Whether a session frees its buffers after these inputs: it does for a page, and keeps them for the next line.

    The detector runs once a page and allocates hundreds of megabytes. The recogniser runs once a line, a hundred times a page.
    """
    return any(array.size > _LARGE for array in inputs)


def open_runtime(name: str) -> Runtime:
    """The runtime of this name. Raises `ImportError` where it is not installed, and what it raises where it does not run."""
    if name == "openvino":
        from ocr_celery.engine.rapid.openvino_runtime import OpenVinoRuntime

        return OpenVinoRuntime()
    from ocr_celery.engine.rapid.onnxruntime_runtime import OnnxRuntime

    return OnnxRuntime()
