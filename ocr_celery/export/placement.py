"""Says where the text of a page is, line by line: where the engine says so, or else where its blocks have ink.

The text of a block is distributed over its lines by their widths. All its lines have one size of type, as they have on paper.
"""

import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import TypeVar

from PIL import Image

from ocr_celery.core.blocks import PageBlock
from ocr_celery.core.grounding import Box
from ocr_celery.core.line_joining import is_cjk
from ocr_celery.core.placed_line import DOWNWARDS, PlacedLine
from ocr_celery.core.result_page import ResultPage
from ocr_celery.export.contract import scaled_box
from ocr_celery.export.glyphless import text_width
from ocr_celery.export.ink_lines import find_cells, find_lines
from ocr_celery.export.line_filling import fill_lines

N = TypeVar("N", int, float)
Area = tuple[float, float, float, float]  #: left, top, right, bottom in pixels of the page

_LEADING = 1.25  #: from one line to the next, in sizes of type
_ABOUT = (0.4, 2.5)  #: lines found by ink, in lines expected; other numbers are not believed
_SIZE_OF_INK = 1.15  #: size of type, in heights of a line's ink
_SIZE_OF_PITCH = 0.95  #: most of it, in distances of lines
_TALL = 2.5  #: times as high as wide: text that runs down
_NARROW = 3  #: sizes of type
_SMALL = 4  #: characters that may stand in a tall box without running down


def place_text(page: ResultPage, picture: Callable[[], Image.Image]) -> list[PlacedLine]:
    """The lines of a page that was read, in reading order, in pixels of the upright page.

    `picture`: the page as it is seen, called only if it is needed; what it raises is raised.
    """
    width, height = page.size
    if page.missing or width < 1 or height < 1:
        return []
    if lines := page.lines():
        return [line.within(width, height) for line in lines]
    blocks = [block for block in page.blocks() if block.text.strip()]
    if not blocks:
        return []
    surface = _Surface(picture(), (width, height))
    return [line.within(width, height) for block in blocks for line in _place_block(block, surface)]


class _Surface:
    """A page's picture, measured in pixels of the page that blocks refer to."""

    def __init__(self, picture: Image.Image, size: tuple[int, int]) -> None:
        self._picture, self.size = picture.convert("L"), size
        self._across, self._down = picture.width / size[0], picture.height / size[1]

    def lines(self, box: Box, line_height: float) -> list[Area]:
        """The lines of text within a box, from top to bottom, about as far from one another as `line_height`."""
        box = scaled_box(box, self.size, self._picture.size)
        return [self._on_page(found) for found in find_lines(self._picture, box, line_height * self._down)]

    def cells(self, row: Area) -> list[Area]:
        """The pieces of a row of a table, from left to right, that wide gaps part."""
        box = (
            *(int(row[0] * self._across), int(row[1] * self._down)),
            *(ceil(row[2] * self._across), ceil(row[3] * self._down)),
        )
        return [self._on_page(found) for found in find_cells(self._picture, box)]

    def _on_page(self, found: Box) -> Area:
        left, top, right, bottom = found
        return left / self._across, top / self._down, right / self._across, bottom / self._down


def _place_block(block: PageBlock, surface: _Surface) -> Iterator[PlacedLine]:
    boxes = [box for box in block.boxes if box[0] < box[2] and box[1] < box[3]] or [(0, 0, *surface.size)]
    if len(boxes) == 1 and _runs_down(block.text, boxes[0]):
        yield from _place_columns(block.text, boxes[0])
    elif block.tables:
        yield from _place_rows(block.text.splitlines(), _outline(boxes), surface)
    else:
        room = _one_size([line for box in boxes for line in _room(block.text, box, boxes, surface)])
        texts = fill_lines(block.text, [right - left for left, _, right, _ in room])
        yield from (PlacedLine(*line, text) for line, text in zip(room, texts, strict=True) if text)


def _room(text: str, box: Box, boxes: Sequence[Box], surface: _Surface) -> list[Area]:
    """The lines in one of a block's boxes: those of its ink where they are about as many as the text needs, else equal ones."""
    share = _area(box) / sum(map(_area, boxes))
    count, pitch = _expected_lines(text_width(text) * share / 1000, box)
    found = surface.lines(box, pitch)
    return found if _ABOUT[0] * count <= len(found) <= _ABOUT[1] * count + 1 else _equal_lines(box, count)


def _expected_lines(ems: float, box: Box) -> tuple[int, float]:
    """How many lines a text of this width (in sizes of its type) makes in the box, and how far they are from one another."""
    width, height = box[2] - box[0], box[3] - box[1]
    pitch = _LEADING * sqrt(width * height / (_LEADING * max(ems, 0.1)))
    count = max(1, round(height / pitch))
    return count, height / count


def _equal_lines(box: Box, count: int) -> list[Area]:
    pitch = (box[3] - box[1]) / count
    return [(box[0], box[1] + line * pitch, box[2], box[1] + (line + 1) * pitch) for line in range(count)]


def _one_size(lines: Sequence[Area]) -> list[Area]:
    """The lines with the height of their type, the same for all: ink is higher or lower by the letters that are in a line."""
    middles = [(top + bottom) / 2 for _, top, _, bottom in lines]
    pitches = [below - above for above, below in pairwise(middles) if below > above]
    size = _SIZE_OF_INK * statistics.median(bottom - top for _, top, _, bottom in lines)
    if pitches:
        size = min(size, _SIZE_OF_PITCH * statistics.median(pitches))
    return [(line[0], y - size / 2, line[2], y + size / 2) for line, y in zip(lines, middles, strict=True)]


def _place_rows(rows: Sequence[str], box: Box, surface: _Surface) -> Iterator[PlacedLine]:
    """A table: each of its rows across one or several lines; its cells where gaps part them as often as the text does."""
    rows = [row for row in rows if row.strip()]
    found = surface.lines(box, (box[3] - box[1]) / len(rows))
    room = _grouped(found, len(rows)) if len(found) >= len(rows) else _equal_lines(box, len(rows))
    for row, line in zip(rows, room, strict=True):
        cells = [cell for cell in row.split("\t") if cell.strip()]
        places = surface.cells(line)
        if len(places) == len(cells):
            yield from (PlacedLine(*_size_of(place, line), cell) for place, cell in zip(places, cells, strict=True))
        else:
            yield PlacedLine(*line, " ".join(cells))


def _size_of(cell: Area, row: Area) -> Area:
    return cell[0], row[1], cell[2], row[3]


def _grouped(lines: Sequence[Area], count: int) -> list[Area]:
    """The lines in as many groups, parted where they are farthest from one another, and what each group spans."""
    gaps = sorted(range(1, len(lines)), key=lambda at: lines[at - 1][3] - lines[at][1])[: count - 1]
    edges = [0, *sorted(gaps), len(lines)]
    return [_outline(lines[start:end]) for start, end in pairwise(edges)]


def _runs_down(text: str, box: Box) -> bool:
    """Whether lines from left to right would be too short for words."""
    width, height = box[2] - box[0], box[3] - box[1]
    size = _expected_lines(text_width(text) / 1000, box)[1] / _LEADING
    return height > _TALL * width and width < _NARROW * size and len(text.strip()) >= _SMALL


def _place_columns(text: str, box: Box) -> Iterator[PlacedLine]:
    """Text that runs down, in columns from right to left (Chinese), or in one that is turned."""
    left, top, right, bottom = box
    turned = (top, left, bottom, right)
    count = _expected_lines(text_width(text) / 1000, turned)[0] if any(map(is_cjk, text)) else 1
    width = (right - left) / count
    for column, part in enumerate(fill_lines(text, [bottom - top] * count)):
        if part:
            yield PlacedLine(right - (column + 1) * width, top, right - column * width, bottom, part, DOWNWARDS)


def _outline(areas: Sequence[tuple[N, N, N, N]]) -> tuple[N, N, N, N]:
    lefts, tops, rights, bottoms = zip(*areas, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
