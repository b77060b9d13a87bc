"""Finds the ruling lines of a page: straight lines that separate columns and frame tables."""

from typing import Any, NamedTuple

import cv2
import numpy as np

from ocr_celery.engine.rapid.geometry import Rect

_MAX_DOT = 4  #: pixels; the largest dot of a dotted line
_MAX_DOT_GAP = 9  #: pixels; the largest gap between two such dots


class RulingLines(NamedTuple):
    """Ruling lines as rectangles (left, top, right, bottom) in pixels."""

    horizontal: list[Rect]
    vertical: list[Rect]


def find_ruling_lines(image: "np.ndarray[Any, Any]") -> RulingLines:
    """The long solid and dotted lines of a BGR uint8 image of shape (height, width, 3)."""
    ink = cv2.adaptiveThreshold(
        cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 15, 8
    )
    min_length = max(40, max(ink.shape) // 25)
    dots = _keep_dots(ink)
    horizontal, vertical = (
        _extract_strokes(ink, min_length, horizontal=across)
        + _extract_strokes(_join_dots(dots, horizontal=across), 4 * min_length, horizontal=across)
        for across in (True, False)
    )
    return RulingLines(horizontal, vertical)


def _keep_dots(ink: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    small = (stats[:, cv2.CC_STAT_WIDTH] <= _MAX_DOT) & (stats[:, cv2.CC_STAT_HEIGHT] <= _MAX_DOT)
    return np.asarray(small[labels] * 255, np.uint8)


def _join_dots(dots: "np.ndarray[Any, Any]", *, horizontal: bool) -> "np.ndarray[Any, Any]":
    return cv2.morphologyEx(dots, cv2.MORPH_CLOSE, _line_kernel(_MAX_DOT_GAP, horizontal=horizontal))


def _line_kernel(length: int, *, horizontal: bool) -> "np.ndarray[Any, Any]":
    return cv2.getStructuringElement(cv2.MORPH_RECT, (length, 1) if horizontal else (1, length))


def _extract_strokes(ink: "np.ndarray[Any, Any]", min_length: int, *, horizontal: bool) -> list[Rect]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(ink, cv2.MORPH_OPEN, _line_kernel(min_length, horizontal=horizontal)), connectivity=8
    )
    found = []
    for x, y, width, height, _ in stats[1:].tolist():
        thick, length = (height, width) if horizontal else (width, height)
        if thick <= max(_MAX_DOT + 2, length // 15):  # thicker strokes are bars or parts of a picture
            found.append((float(x), float(y), float(x + width), float(y + height)))
    return found
