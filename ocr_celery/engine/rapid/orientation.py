"""Finds the quarter turns that make a page upright, as only upright lines can be read.

The boxes show whether lines run horizontally or vertically. A few lines must be read to tell whether
they are upside down, and whether vertical lines are a page on its side or vertical Chinese text.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ocr_celery.core.line_joining import is_cjk

Image = np.ndarray[Any, np.dtype[np.uint8]]  #: BGR, (height, width, 3)
Boxes = np.ndarray[Any, Any]  #: (number, 4 corners from the upper left clockwise, x and y), pixels

_SAMPLE_LINES = 12  #: most lines whose direction is classified
_MAX_INVERTED_SHARE = 0.3  #: with a larger share, some lines are read both ways
_PROBE_LINES = 5  #: lines read both ways


class LineRecognizer(Protocol):
    """Cuts out lines so that they run from left to right, and reads them."""

    def crop_lines(self, image: Image, boxes: Boxes) -> list[Image]:
        """The lines in the boxes. A line in a box much taller than wide is turned a quarter to the left."""

    def classify_inverted(self, crops: Sequence[Image]) -> list[bool]:
        """For each line, whether it seems to be upside down."""

    def recognize(self, crops: Sequence[Image]) -> list[tuple[str, float]]:
        """The text of each line and its confidence (0 to 1)."""


def quarter_turns(recognizer: LineRecognizer, image: Image, boxes: Boxes) -> int:
    """How many quarter turns to the left (0 to 3) make the page upright, judged by the lines in `boxes`."""
    sample = longest_lines(boxes)
    if not len(sample):
        return 0
    crops = recognizer.crop_lines(image, sample)
    if _lines_run_vertically(boxes):
        return _quarter_turns_of_vertical_lines(recognizer, crops[:_PROBE_LINES])
    doubtful = sum(recognizer.classify_inverted(crops)) > _MAX_INVERTED_SHARE * len(crops)
    return 2 if doubtful and reads_better_inverted(recognizer, crops[:_PROBE_LINES]) else 0


def reads_better_inverted(recognizer: LineRecognizer, crops: Sequence[Image]) -> bool:
    """Whether these lines are read with more confidence when turned upside down."""
    return _mean_confidence(recognizer.recognize(_rotate_180(crops))) > _mean_confidence(recognizer.recognize(crops))


def _quarter_turns_of_vertical_lines(recognizer: LineRecognizer, crops: Sequence[Image]) -> int:
    inverted = reads_better_inverted(recognizer, crops)
    upright = _rotate_180(crops) if inverted else list(crops)
    texts = [text for text, _ in recognizer.recognize(upright)]
    cjk = sum(is_cjk(c) for text in texts for c in text)
    if cjk > 0.5 * sum(map(len, texts)) and _is_vertical_cjk(recognizer, upright, texts):
        return 2 if inverted else 0
    return 3 if inverted else 1


def _is_vertical_cjk(recognizer: LineRecognizer, crops: Sequence[Image], texts: Sequence[str]) -> bool:
    """Whether the characters lie on their side, so that they were written one below the other.

    `crops` are lines of vertical text turned a quarter to the left; `texts` is what they read.
    """
    rotated = recognizer.recognize([_rotate_glyphs(crop) for crop in crops])
    same = sum(sum((Counter(a) & Counter(b)).values()) for a, (b, _) in zip(texts, rotated, strict=True))
    return same > 0.3 * sum(map(len, texts))


def _rotate_glyphs(crop: Image) -> Image:
    """The line with each character turned a quarter to the right."""
    height, width = crop.shape[:2]
    ink = np.abs(crop.mean(axis=2) - float(np.median(crop))).sum(axis=0)
    pieces, start = [], 0
    while width - start > 1.35 * height:
        low, high = start + int(0.7 * height), start + int(1.35 * height)
        end = low + int(np.argmin(ink[low:high]))  # the column with the least ink is between two characters
        pieces.append(np.rot90(_pad_to_square(crop[:, start:end]), -1))
        start = end
    pieces.append(np.rot90(_pad_to_square(crop[:, start:]), -1))
    return np.ascontiguousarray(np.concatenate(pieces, axis=1))


def _pad_to_square(piece: Image) -> Image:
    """The middle of the piece as a square of its height, its edge columns repeated or cut off."""
    height, width = piece.shape[:2]
    columns = np.clip(np.arange(height) - (height - width) // 2, 0, width - 1)
    return piece[:, columns]


def _rotate_180(crops: Sequence[Image]) -> list[Image]:
    return [np.ascontiguousarray(crop[::-1, ::-1]) for crop in crops]


def _mean_confidence(read: Sequence[tuple[str, float]]) -> float:
    return sum(score * len(text.strip()) for text, score in read) / max(1, sum(len(text.strip()) for text, _ in read))


def _side_lengths(boxes: Boxes) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The widths and heights of the boxes."""
    return np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1), np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)


def _lines_run_vertically(boxes: Boxes) -> bool:
    width, height = _side_lengths(boxes)
    return bool(height[height > 1.5 * width].sum() > width[width > 1.5 * height].sum())


def longest_lines(boxes: Boxes) -> Boxes:
    """The longest lines (at most `_SAMPLE_LINES`) that run in the direction of most; no short ones."""
    width, height = _side_lengths(boxes)
    along, thick = (height, width) if _lines_run_vertically(boxes) else (width, height)
    order = np.argsort(-along)[:_SAMPLE_LINES]
    return boxes[[i for i in order if along[i] > 1.5 * thick[i]]]
