"""Reads a page: turn it upright, detect its lines, recognise them, arrange them, render the answer.

Lines are cut out of the page as it is given, which may be larger than the picture that the detector sees: that one lacks
strokes of small print. All else is measured on the detector's picture.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from PIL import Image as Pillow

from ocr_celery.core.placed_line import PlacedLine
from ocr_celery.core.reading import Reading
from ocr_celery.engine.rapid import orientation, output
from ocr_celery.engine.rapid.confidence import Recognition, doubtful_share, is_noise
from ocr_celery.engine.rapid.geometry import Line, Point, Rect, deskew, estimate_slant
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.line_places import place_line, reading_sequence
from ocr_celery.engine.rapid.merged_lines import cut_merged_lines
from ocr_celery.engine.rapid.models import scale_down
from ocr_celery.engine.rapid.orientation import Boxes, Image, longest_lines, reads_better_inverted
from ocr_celery.engine.rapid.page_part import PagePart
from ocr_celery.engine.rapid.reading_order import layout_page
from ocr_celery.engine.rapid.ruling_lines import find_ruling_lines

_LOW_CONFIDENCE = 0.75  #: median of a page; a page below it may be upside down unnoticed
_MAX_SLANT = 0.006  #: radians; on a page with more, ruling lines and text do not match
_MIN_LINES_OF_REGIONS = 6  #: with fewer there is nothing to arrange

#: a line's box of four corners, from the upper left, clockwise; and the line as it would be on a page without slant
_Recognized = tuple[list[Point], Line]


class PageModels(orientation.LineRecognizer, Protocol):
    """The models that read a page."""

    def detect_lines(self, image: Image) -> Boxes:
        """The boxes of the lines of text, of shape (number, 4, 2)."""

    def find_regions(self, image: Image) -> list[Region]:
        """The regions that a layout model sees; [] where there is none."""


def read_page(models: PageModels, page: Pillow.Image, *, blocks: bool) -> Reading:
    """The text of a page in block language or plain, "" where nothing is readable; and its lines."""
    page = page.convert("RGB")
    image = _as_bgr(scale_down(page))
    scale = max(page.size) / max(image.shape[:2])
    boxes = models.detect_lines(image)
    turns = orientation.quarter_turns(models, image, boxes)
    image, boxes = _rotate_page(models, image, boxes, turns)
    boxes = cut_merged_lines(image, boxes)
    read = _recognize(models, page, turns, boxes, scale)
    probes = longest_lines(boxes)
    if _is_low_confidence(read) and reads_better_inverted(models, models.crop_lines(image, probes)):
        turns = (turns + 2) % 4
        image, boxes = _rotate_page(models, image, boxes, 2)
        boxes = cut_merged_lines(image, boxes)
        read = _recognize(models, page, turns, boxes, scale)
    height, width = image.shape[:2]
    slant, recognized = _recognized_lines(boxes, read)
    parts = _layout(models, image, [line for _, line in recognized], slant)
    if blocks:
        text = output.render_blocks(parts, lambda rect: _undo_rotation(_to_fractions(rect, width, height), turns))
    else:
        text = output.render_plain(parts)
    placed = _placed_lines(recognized, parts, slant, (width, height), turns)
    lines = tuple(line.scaled(scale, scale) for line in placed)
    return Reading(text=text, lines=lines, doubtful_share=doubtful_share(read))


def _as_bgr(page: Pillow.Image) -> Image:
    return np.ascontiguousarray(np.asarray(page)[:, :, ::-1])


def _rotate_page(models: PageModels, image: Image, boxes: Boxes, turns: int) -> tuple[Image, Boxes]:
    if not turns:
        return image, boxes
    image = _rotate(image, turns)
    return image, models.detect_lines(image)


def _rotate(image: Image, turns: int) -> Image:
    return np.ascontiguousarray(np.rot90(image, turns))


def _recognize(models: PageModels, page: Pillow.Image, turns: int, boxes: Boxes, scale: float) -> list[Recognition]:
    """The lines in these boxes of an upright picture, cut out of the page as given, which is `scale` times as large."""
    return models.recognize(models.crop_lines(_rotate(_as_bgr(page), turns), boxes * np.float32(scale)))


def _is_low_confidence(read: list[Recognition]) -> bool:
    return len(read) > 0 and float(np.median([score for _, score in read])) < _LOW_CONFIDENCE


def _recognized_lines(boxes: Boxes, read: list[Recognition]) -> tuple[float, list[_Recognized]]:
    """The page's slant in radians, and its lines without noise."""
    pairs = zip(boxes.tolist(), read, strict=True)
    confident = [(quad, line[0]) for quad, line in pairs if not is_noise(line)]
    slant = estimate_slant(quad for quad, _ in confident)
    return slant, [(quad, deskew(quad, text, slant)) for quad, text in confident]


def _layout(models: PageModels, image: Image, lines: Sequence[Line], slant: float) -> list[PagePart]:
    if len(lines) < 2 or abs(slant) >= _MAX_SLANT:
        return layout_page(lines)
    rules = find_ruling_lines(image)
    regions = models.find_regions(image) if len(lines) >= _MIN_LINES_OF_REGIONS else []
    return layout_page(lines, rules.horizontal, rules.vertical, regions)


def _placed_lines(
    recognized: Sequence[_Recognized], parts: Sequence[PagePart], slant: float, size: tuple[int, int], turns: int
) -> Iterator[PlacedLine]:
    for index in reading_sequence([line for _, line in recognized], [part.rect for part in parts]):
        quad, line = recognized[index]
        yield place_line(quad, line.text, slant, size, turns)


def _to_fractions(rect: Rect, width: int, height: int) -> Rect:
    return rect[0] / width, rect[1] / height, rect[2] / width, rect[3] / height


def _undo_rotation(rect: Rect, turns: int) -> Rect:
    """The rectangle on the page as given, of one on the page after so many quarter turns to the left.

    Coordinates are fractions of the page's width and height.
    """
    left, top, right, bottom = rect
    for _ in range(turns):
        left, top, right, bottom = 1 - bottom, left, 1 - top, right
    return left, top, right, bottom
