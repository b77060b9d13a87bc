"""How a PDF page is seen: cropped and rotated; and from there back to its own coordinates."""

from collections.abc import Sequence
from math import isfinite

from ocr_celery.export.invisible_text import Matrix

Rectangle = tuple[float, float, float, float]  #: left, bottom, right, top in units of the page

_LETTER: Rectangle = (0.0, 0.0, 612.0, 792.0)  #: what viewers take where a page does not say its size


def visible_rectangle(media_box: Sequence[float], crop_box: Sequence[float]) -> Rectangle:
    """What is seen of a page: its crop box within its media box; each may be missing (empty) or nonsense."""
    media = _rectangle(media_box) or _LETTER
    crop = _rectangle(crop_box) or media
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    return (left, bottom, right, top) if left < right and bottom < top else media


def seen_page(rectangle: Rectangle, rotate: int) -> tuple[tuple[float, float], Matrix]:
    """The size of the page as it is seen, and the matrix from there (origin at its lower left) to the page's coordinates.

    `rotate`: degrees clockwise; what is no multiple of 90 does not count.
    """
    left, bottom, right, top = rectangle
    width, height = right - left, top - bottom
    turns = rotate // 90 % 4 if rotate % 90 == 0 else 0
    size = (height, width) if turns % 2 else (width, height)
    matrices: tuple[Matrix, ...] = (
        (1, 0, 0, 1, left, bottom),
        (0, 1, -1, 0, right, bottom),
        (-1, 0, 0, -1, right, top),
        (0, -1, 1, 0, left, top),
    )
    return size, matrices[turns]


def _rectangle(numbers: Sequence[float]) -> Rectangle | None:
    if len(numbers) != 4 or not all(map(isfinite, numbers)):
        return None
    left, right = sorted((numbers[0], numbers[2]))
    bottom, top = sorted((numbers[1], numbers[3]))
    return (left, bottom, right, top) if left < right and bottom < top else None
