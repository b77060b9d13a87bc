"""One look at a page with an engine for lines: turn it upright, find its lines, read them, put them in order, word the answer."""

from typing import Protocol

import numpy as np
from PIL import Image as Pillow

from ocr_celery.engine.rapid import models, orientation, output, reading_order, ruling_lines
from ocr_celery.engine.rapid.geometry import Rect, slant, straight
from ocr_celery.engine.rapid.orientation import Boxes, Image

_SURE = 0.5  #: a line read with less is noise
_POOR = 0.75  #: a page read with less may stand on its head unnoticed
_STRAIGHT = 0.006  #: radians; with more slant drawn lines are not found where the text is


class Sight(orientation.Sight, Protocol):
    """What an OCR engine can do with a page."""

    def boxes(self, image: Image) -> Boxes:
        """Where lines of text stand, shape (number, 4, 2)."""


def look(eye: Sight, page: Pillow.Image, *, blocks: bool) -> str:
    """The text of an RGB page: in block language, or plain; "" where nothing can be read."""
    image = models.scaled(np.ascontiguousarray(np.asarray(page.convert("RGB"))[:, :, ::-1]))
    boxes = eye.boxes(image)
    turns = orientation.turns(eye, image, boxes)
    image, boxes = _turned(eye, image, boxes, turns)
    read = eye.read(eye.crops(image, boxes))
    if _poor(read) and orientation.better_inverted(eye, eye.crops(image, orientation.longest(boxes))):
        turns = (turns + 2) % 4
        image, boxes = _turned(eye, image, boxes, 2)
        read = eye.read(eye.crops(image, boxes))
    parts = _parts(image, boxes, read)
    if not blocks:
        return output.plain(parts)
    height, width = image.shape[:2]
    return output.blocks(parts, lambda rect: _as_given(_share(rect, width, height), turns))


def _turned(eye: Sight, image: Image, boxes: Boxes, turns: int) -> tuple[Image, Boxes]:
    if not turns:
        return image, boxes
    image = np.ascontiguousarray(np.rot90(image, turns))
    return image, eye.boxes(image)


def _poor(read: list[tuple[str, float]]) -> bool:
    return len(read) > 0 and float(np.median([score for _, score in read])) < _POOR


def _parts(image: Image, boxes: Boxes, read: list[tuple[str, float]]) -> list[reading_order.Part]:
    sure = [(quad, text) for quad, (text, score) in zip(boxes.tolist(), read, strict=True) if score >= _SURE]
    angle = slant(quad for quad, _ in sure)
    lines = [straight(quad, text, angle) for quad, text in sure]
    drawn = ruling_lines.find(image) if len(lines) > 1 and abs(angle) < _STRAIGHT else ruling_lines.Rules([], [])
    return reading_order.read(lines, drawn.across, drawn.down)


def _share(rect: Rect, width: int, height: int) -> Rect:
    return rect[0] / width, rect[1] / height, rect[2] / width, rect[3] / height


def _as_given(rect: Rect, turns: int) -> Rect:
    """The place on the page as it was given, of a place on the page after so many quarter turns to the left."""
    left, top, right, bottom = rect
    for _ in range(turns):
        left, top, right, bottom = 1 - bottom, left, 1 - top, right
    return left, top, right, bottom
