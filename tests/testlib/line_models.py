"""The models of the CPU engine on a page that is a plan: they know where its lines are and which way up it lies."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as Pillow

from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.orientation import Boxes, Image

_INK = 17  #: of the corner that is the upper left one of an upright page, and of an upright line


@dataclass
class PlannedModels:
    """Reads `plan`: a text and (left, top, right, bottom) in pixels of the upright page, for each line.

    An upright line is read with the confidence `sure`, one that stands on its head as nonsense with `unsure`. With
    `stacked`, the characters of the lines stand below each other: a line whose glyphs are turned reads the same.
    """

    plan: Sequence[tuple[str, tuple[float, float, float, float]]]
    size: tuple[int, int] = (400, 600)  #: width and height of the upright page
    sure: float = 0.95
    unsure: float = 0.4
    stacked: bool = False
    sees_inversion: bool = True  #: whether the classifier notices lines that stand on their head
    scores: dict[str, float] = field(default_factory=dict)  #: confidence of single texts
    regions: list[Region] = field(default_factory=list)  #: what the layout model sees on the upright page

    def page(self, *, turned: int = 0) -> Pillow.Image:
        """The page, turned so many quarters to the left."""
        width, height = self.size
        image = np.full((height, width, 3), 255, np.uint8)
        image[0, 0] = _INK
        return Pillow.fromarray(np.ascontiguousarray(np.rot90(image, turned)))

    def detect_lines(self, image: Image) -> Boxes:
        turned = _turned(image)
        quads = [_turn_box(rect, self.size, turned) for _, rect in self.plan]
        return np.asarray(quads, np.float32).reshape(len(quads), 4, 2)

    def find_regions(self, image: Image) -> list[Region]:
        return [] if _turned(image) else self.regions

    def crop_lines(self, image: Image, boxes: Boxes) -> list[Image]:
        """Each line's number is its brightness; a dark corner says which way up it is."""
        turned, known = _turned(image), self.detect_lines(image)
        return [self._crop(turned, int(np.abs(known - box).sum(axis=(1, 2)).argmin()), box) for box in boxes]

    def _crop(self, turned: int, number: int, box: Boxes) -> Image:
        width, height = box[1, 0] - box[0, 0], box[2, 1] - box[1, 1]
        tall = height > 1.5 * width
        crop = np.full((20, 100, 3), 100 + number, np.uint8)
        # a tall box is cut out with a quarter turn to the left, after which its line lies across
        upright = (turned + tall) % 4 < 2
        crop[(0, 0) if upright else (-1, -1)] = _INK
        return crop

    def classify_inverted(self, crops: Sequence[Image]) -> list[bool]:
        return [self.sees_inversion and not _is_upright(crop) for crop in crops]

    def recognize(self, crops: Sequence[Image]) -> list[tuple[str, float]]:
        return [self._recognize(crop) for crop in crops]

    def _recognize(self, crop: Image) -> tuple[str, float]:
        text = self.plan[int(np.median(crop)) - 100][0]
        if _is_upright(crop) or (self.stacked and _glyphs_turned(crop)):
            return text, self.scores.get(text, self.sure)
        return re.sub(r"\S", "?", text), self.unsure


def _turned(image: Image) -> int:
    """How many quarters to the left the page is turned: its dark corner goes from the upper left to the lower left."""
    corners = [image[0, 0], image[-1, 0], image[-1, -1], image[0, -1]]
    return int(np.argmin([corner.sum() for corner in corners]))


def _is_upright(crop: Image) -> bool:
    return bool(crop[0, 0].sum() == 3 * _INK)


def _glyphs_turned(crop: Image) -> bool:
    """A line's first square turned a quarter to the right has its dark corner on its upper right."""
    return bool((crop[0, 1 : crop.shape[0]].sum(axis=1) == 3 * _INK).any())


def _turn_box(rect: tuple[float, float, float, float], size: tuple[int, int], turned: int) -> list[tuple[float, float]]:
    left, top, right, bottom = rect
    width, height = size
    for _ in range(turned):
        left, top, right, bottom = top, width - right, bottom, width - left
        width, height = height, width
    return [(left, top), (right, top), (right, bottom), (left, bottom)]
