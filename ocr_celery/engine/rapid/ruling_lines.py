"""The straight lines drawn on a page: they part columns and frame tables."""

from typing import Any, NamedTuple

import cv2
import numpy as np

from ocr_celery.engine.rapid.geometry import Rect

_DOT = 4  #: pixels; a dotted line's dots are at most so large …
_GAP = 9  #: … and so far apart


class Rules(NamedTuple):
    """Drawn lines as rectangles (left, top, right, bottom) in pixels."""

    across: list[Rect]
    down: list[Rect]


def find(image: "np.ndarray[Any, Any]") -> Rules:
    """The long drawn lines, whole or dotted, of a BGR uint8 image of shape (height, width, 3)."""
    ink = cv2.adaptiveThreshold(
        cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 15, 8
    )
    least = max(40, max(ink.shape) // 25)
    dots = _only_dots(ink)
    return Rules(
        _strokes(ink, least, across=True) + _strokes(_closed(dots, across=True), 4 * least, across=True),
        _strokes(ink, least, across=False) + _strokes(_closed(dots, across=False), 4 * least, across=False),
    )


def _only_dots(ink: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    small = (stats[:, cv2.CC_STAT_WIDTH] <= _DOT) & (stats[:, cv2.CC_STAT_HEIGHT] <= _DOT)
    return np.asarray(small[labels] * 255, np.uint8)


def _closed(dots: "np.ndarray[Any, Any]", *, across: bool) -> "np.ndarray[Any, Any]":
    return cv2.morphologyEx(dots, cv2.MORPH_CLOSE, _bar(_GAP, across=across))


def _bar(length: int, *, across: bool) -> "np.ndarray[Any, Any]":
    return cv2.getStructuringElement(cv2.MORPH_RECT, (length, 1) if across else (1, length))


def _strokes(ink: "np.ndarray[Any, Any]", least: int, *, across: bool) -> list[Rect]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(ink, cv2.MORPH_OPEN, _bar(least, across=across)), connectivity=8
    )
    found = []
    for x, y, width, height, _ in stats[1:].tolist():
        thick, length = (height, width) if across else (width, height)
        if thick <= max(_DOT + 2, length // 15):  # a thicker one is a bar or part of a picture
            found.append((float(x), float(y), float(x + width), float(y + height)))
    return found
