"""Finds the lines of text within a block by the ink of its picture, row by row."""

import statistics
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageOps

from ocr_celery.core.grounding import Box

_LEAST_CONTRAST = 40  #: of 255, between ink and paper
_RULE = 0.85  #: of a block's height or width; ink that runs as far is a rule, not text
_SEVERAL_LINES = 80  #: pixels; in less, an upright stroke may be a letter's
_VALLEY = 0.12  #: of a row with much ink: less lies between lines
_FAINT = 0.01  #: of it: less is dirt
_SHORT = 0.6  #: of the median height: a line of few letters, no part of its neighbour
_MOST_INK = 0.9  #: quantile of the rows that have much ink
_CELL_GAP = 0.9  #: heights of a row, between two of its cells
_STROKE = 0.2  #: of a row's height: the width of an upright rule, at most
_THIN = 0.4  #: of the median height of a line: dots, accents, underlines
_TALL = 1.7  #: of it: several lines that touch


def find_lines(picture: Image.Image, box: Box, line_height: float) -> list[Box]:
    """The lines in this box of the picture, from top to bottom; [] where nothing tells ink from paper.

    `picture`: in mode L. `line_height`: about what is expected, in pixels, from one line to the next.
    """
    cut = _cut_ink(picture, box)
    if cut is None:
        return []
    ink, (left, upper, _, _) = cut
    runs = _split_tall(_without_thin(_runs(_row_shares(ink))), line_height)
    found = []
    for top, bottom in runs:
        extent = ink.crop((0, top, ink.width, bottom)).getbbox()
        if extent:
            found.append((left + extent[0], upper + top, left + extent[2], upper + bottom))
    return found


def find_cells(picture: Image.Image, box: Box) -> list[Box]:
    """The pieces of a row of a table, from left to right, that gaps part which are wider than the row's letters."""
    cut = _cut_ink(picture, box)
    if cut is None:
        return []
    ink, (left, upper, _, lower) = cut
    shares = ink.resize((ink.width, 1), Image.Resampling.BOX).tobytes()
    found: list[Box] = []
    for x in (x for x, share in enumerate(shares) if share):
        if found and x - (found[-1][2] - left) < _CELL_GAP * (lower - upper):
            found[-1] = (found[-1][0], upper, left + x + 1, lower)
        else:
            found.append((left + x, upper, left + x + 1, lower))
    return [cell for cell in found if cell[2] - cell[0] > _STROKE * (lower - upper)]  # others are rules


def _cut_ink(picture: Image.Image, box: Box) -> tuple[Image.Image, Box] | None:
    """The ink in this box of the picture, and the part of the box that lies in it; None where nothing tells ink from paper."""
    left, upper, right, lower = max(0, box[0]), max(0, box[1]), min(picture.width, box[2]), min(picture.height, box[3])
    if right - left < 2 or lower - upper < 2:
        return None
    ink = _ink(picture.crop((left, upper, right, lower)))
    return None if ink is None else (ink, (left, upper, right, lower))


def _ink(block: Image.Image) -> Image.Image | None:
    """255 where there is ink, in mode L: what is darker than the middle, or lighter on dark paper; rules are taken out."""
    low, high = block.getextrema()
    if high - low < _LEAST_CONTRAST:  # type: ignore[operator]  # of one band
        return None
    threshold = _threshold(block.histogram())
    ink = block.point([255 if value < threshold else 0 for value in range(256)])
    if ink.histogram()[255] > block.width * block.height / 2:
        ink = ImageOps.invert(ink)
    return _without_rules(ink)


def _threshold(histogram: Sequence[int]) -> int:
    """The value that parts the pixels in two classes, each as alike as can be (Otsu)."""
    total, weighted = sum(histogram), sum(value * count for value, count in enumerate(histogram))
    best, found, below, sum_below = -1.0, 128, 0, 0
    for value, count in enumerate(histogram[:-1]):
        below += count
        sum_below += value * count
        if not 0 < below < total:
            continue
        apart = sum_below / below - (weighted - sum_below) / (total - below)
        variance = below * (total - below) * apart * apart
        if variance > best:
            best, found = variance, value + 1
    return found


def _without_rules(ink: Image.Image) -> Image.Image:
    columns = ink.resize((ink.width, 1), Image.Resampling.BOX).tobytes()
    rows = ink.resize((1, ink.height), Image.Resampling.BOX).tobytes()
    for x, share in enumerate(columns):
        if share > 255 * _RULE and ink.height > _SEVERAL_LINES:
            ink.paste(0, (x, 0, x + 1, ink.height))
    for y, share in enumerate(rows):
        if share > 255 * _RULE:
            ink.paste(0, (0, y, ink.width, y + 1))
    return ink


def _row_shares(ink: Image.Image) -> list[float]:
    """The share of each row that is ink."""
    means = ink.convert("F").resize((1, ink.height), Image.Resampling.BOX)
    return [value / 255 for value in memoryview(means.tobytes()).cast("f")]


def _runs(shares: Sequence[float]) -> list[tuple[int, int]]:
    """Rows with ink that follow one another: first, and one after the last. A short line has little ink, but is found as well."""
    inked = sorted(share for share in shares if share > 0)
    if not inked:
        return []
    much = inked[int(_MOST_INK * (len(inked) - 1))]
    found = _above(shares, _VALLEY * much, 0, len(shares))
    height = statistics.median(bottom - top for top, bottom in found)
    edges = [-1, *(edge for run in found for edge in run), len(shares) + 1]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        faint = _above(shares, _FAINT * much, max(start, 0), min(end, len(shares)))
        # what touches a line are its own strokes
        found += [
            (top, bottom) for top, bottom in faint if start < top < bottom < end and bottom - top >= _SHORT * height
        ]
    return sorted(found)


def _above(shares: Sequence[float], least: float, top: int, bottom: int) -> list[tuple[int, int]]:
    """Rows from `top` to `bottom` (exclusive) that follow one another and have more than the least share."""
    found: list[tuple[int, int]] = []
    for row in range(top, bottom):
        if shares[row] <= least:
            continue
        if found and found[-1][1] == row:
            found[-1] = found[-1][0], row + 1
        else:
            found.append((row, row + 1))
    return found


def _without_thin(runs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Dots, accents and underlines joined to the line that they belong to; specks far from any dropped."""
    if not runs:
        return []
    height = statistics.median(sorted(bottom - top for top, bottom in runs)[len(runs) // 3 :])
    lines = [run for run in runs if run[1] - run[0] >= _THIN * height]
    for top, bottom in runs:
        if bottom - top >= _THIN * height:
            continue
        near = min(range(len(lines)), key=lambda at: max(lines[at][0] - bottom, top - lines[at][1]))
        if max(lines[near][0] - bottom, top - lines[near][1]) < _THIN * height:
            lines[near] = min(lines[near][0], top), max(lines[near][1], bottom)
    return lines


def _split_tall(runs: Sequence[tuple[int, int]], line_height: float) -> list[tuple[int, int]]:
    """Lines that touch cut into equal ones."""
    if not runs:
        return []
    usual = statistics.median(bottom - top for top, bottom in runs)
    if len(runs) < 3 or usual > _TALL * line_height:
        usual = line_height
    found: list[tuple[int, int]] = []
    for top, bottom in runs:
        parts = round((bottom - top) / usual) if bottom - top > _TALL * usual else 1
        edges = [top + (bottom - top) * part // parts for part in range(parts + 1)]
        found += pairwise(edges)
    return found
