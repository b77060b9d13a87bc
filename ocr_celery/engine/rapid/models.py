"""Calls rapidocr's three models and the layout model one by one, on pictures of bounded size and with fixed settings."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow

from ocr_celery.engine.rapid.layout_model import LayoutModel, Region
from ocr_celery.engine.rapid.orientation import Boxes, Image

MAX_SIDE = 1280  #: pixels; at this longer side the detector is most accurate and cheapest
#: the detector enlarges pictures by their shorter side, so a long thin one would exhaust the memory
_MAX_ASPECT_RATIO = 2.5
_MIN_SIDE = 8  #: pixels; no text is readable in a narrower or lower picture


class RapidOcrModels:
    """The models of one RapidOCR object. Threads may share it, as no method changes its settings."""

    def __init__(self, ocr: Any, rec_input: Any, layout: LayoutModel | None = None) -> None:
        self._ocr = ocr
        self._rec_input = rec_input
        self._layout = layout

    def find_regions(self, image: Image) -> list[Region]:
        """The regions that the layout model sees; [] where it is not installed."""
        return self._layout.find_regions(image) if self._layout else []

    def detect_lines(self, image: Image) -> Boxes:
        """The boxes of the lines of text, float32 of shape (number, 4, 2)."""
        height, width = image.shape[:2]
        if min(height, width) < _MIN_SIDE:
            return np.zeros((0, 4, 2), np.float32)
        found = self._ocr.text_det(_pad_to_aspect_ratio(image)).boxes
        if found is None:
            return np.zeros((0, 4, 2), np.float32)
        return np.asarray(np.clip(np.asarray(found), 0, (width, height)), np.float32)

    def crop_lines(self, image: Image, boxes: Boxes) -> list[Image]:
        """See `orientation.LineRecognizer`. Very thin boxes are cut out a little larger."""
        crops: list[Image] = self._ocr.crop_text_regions(image, [_widen_thin_box(box) for box in boxes])
        return crops

    def classify_inverted(self, crops: Sequence[Image]) -> list[bool]:
        """See `orientation.LineRecognizer`."""
        return ["180" in label for label, _ in self._ocr.text_cls(list(crops)).cls_res]

    def recognize(self, crops: Sequence[Image]) -> list[tuple[str, float]]:
        """See `orientation.LineRecognizer`."""
        if not crops:
            return []
        read = self._ocr.text_rec(self._rec_input(img=list(crops), return_word_box=False))
        return [(text, float(score)) for text, score in zip(read.txts, read.scores, strict=True)]


def scale_down(page: Pillow.Image) -> Pillow.Image:
    """The picture with its longer side at most `MAX_SIDE`."""
    longer = max(page.size)
    if longer <= MAX_SIDE:
        return page
    width, height = (max(1, round(side * MAX_SIDE / longer)) for side in page.size)
    return page.resize((width, height), Pillow.Resampling.LANCZOS)


def _pad_to_aspect_ratio(image: Image) -> Image:
    """The picture, padded on the right or below in the colour of its edge if it is long and thin."""
    height, width = image.shape[:2]
    right, below = max(0, int(height / _MAX_ASPECT_RATIO) - width), max(0, int(width / _MAX_ASPECT_RATIO) - height)
    if not right and not below:
        return image
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    colour = np.median(edge, axis=0).tolist()
    return np.asarray(cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_CONSTANT, value=colour), np.uint8)


def _widen_thin_box(box: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    width, height = np.linalg.norm(box[1] - box[0]), np.linalg.norm(box[3] - box[0])
    if min(width, height) >= 2:
        return box
    return box + np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
