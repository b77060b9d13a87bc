"""Looks where a rendered page has something drawn on it, and translates places on a PDF page to its pixels."""

import ctypes
from collections.abc import Sequence
from typing import Any

import pypdfium2.raw as pdfium
from PIL import Image, ImageChops, ImageDraw

Rectangle = tuple[float, float, float, float]  #: left, top, right, bottom

_CONTRAST = 32  #: shades of grey, of 255, that tell something drawn from what it is drawn on
_FAR = 1e6  #: pixels; beyond any page
_CELL = 8  #: pixels of a side of the areas in which a picture is compared with its text
_DRAWN_SHARE = 10  #: of 255: 4 % of a cell; less is a speck


class PageInk:
    """The ink of one page. `picture`: all of the page, upright, in mode RGB."""

    def __init__(self, picture: Image.Image, page: Any) -> None:
        self._grey = picture.convert("L")
        self._size = picture.size
        self._origin, self._x, self._y = _placement(page, picture.size)

    def pixels(self, box: Rectangle) -> Rectangle:
        """A rectangle of the page, in points with y upwards, in pixels of the picture."""
        left, bottom, right, top = box
        ends = [self._pixel(x, y) for x, y in ((left, bottom), (right, top))]
        (x1, y1), (x2, y2) = ends
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        right, down = (self._origin[at] + x * self._x[at] + y * self._y[at] for at in (0, 1))
        return _bounded(right), _bounded(down)

    def is_on_page(self, box: Rectangle) -> bool:
        """Whether the middle of a rectangle in pixels is within the picture."""
        left, top, right, bottom = box
        return 0 <= (left + right) / 2 < self._size[0] and 0 <= (top + bottom) / 2 < self._size[1]

    def is_drawn(self, box: Rectangle) -> bool:
        """Whether something is drawn within a rectangle in pixels, whatever the colours."""
        left, top, right, bottom = (round(value) for value in box)
        width, height = self._size
        left, right = max(0, min(left, width - 1)), min(width, max(right, left + 1))
        top, bottom = max(0, min(top, height - 1)), min(height, max(bottom, top + 1))
        if right <= left or bottom <= top:
            return False
        darkest, lightest = self._grey.crop((left, top, right, bottom)).getextrema()
        return bool(lightest - darkest >= _CONTRAST)  # type: ignore[operator]

    def explained(self, boxes: Sequence[Rectangle]) -> tuple[int, int]:
        """In how many areas of the picture something is drawn within these rectangles in pixels, and in how many at all."""
        half = self._grey.reduce(2)  # a quarter of the work, and strokes are still seen
        histogram = half.histogram()
        paper = histogram.index(max(histogram))
        difference = ImageChops.difference(half, Image.new("L", half.size, paper))
        cells = difference.point([255 * (shade >= _CONTRAST) for shade in range(256)]).reduce(_CELL // 2)
        cells = cells.point([255 * (shade >= _DRAWN_SHARE) for shade in range(256)])
        drawn = cells.histogram()[255]
        brush = ImageDraw.Draw(cells)
        for box in boxes:
            brush.rectangle([value / _CELL for value in box], fill=0)
        return drawn - cells.histogram()[255], drawn


def _bounded(value: float) -> float:
    """Clamp a coordinate: a hostile file may have huge positions, or NaN."""
    return value if -_FAR < value < _FAR else _FAR


def _placement(
    page: Any, size: tuple[int, int]
) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """The pixel of the page's origin, and how far a point to the right and one upwards move it."""
    left, bottom, right, top = page.get_bbox()
    corner, right_corner, top_corner = (
        _device(page, size, *at) for at in ((left, bottom), (right, bottom), (left, top))
    )
    width, height = max(1e-6, right - left), max(1e-6, top - bottom)
    x = ((right_corner[0] - corner[0]) / width, (right_corner[1] - corner[1]) / width)
    y = ((top_corner[0] - corner[0]) / height, (top_corner[1] - corner[1]) / height)
    return (corner[0] - left * x[0] - bottom * y[0], corner[1] - left * x[1] - bottom * y[1]), x, y


def _device(page: Any, size: tuple[int, int], x: float, y: float) -> tuple[int, int]:
    at_x, at_y = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, at_x, at_y)
    return at_x.value, at_y.value
