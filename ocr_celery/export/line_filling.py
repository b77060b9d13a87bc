"""Distributes the text of a block over its lines by their widths: where the page broke its lines, the text does not say.

Lines of a paragraph are equally dense, so the best breaks are those by which the text of each line is as wide as its line.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

from ocr_celery.export.glyphless import text_width

_MAX_PIECES = 4000  #: of a block; a longer text is cut into equal shares, without looking for the best breaks
_TRIED = 12  #: breaks of each line that are tried before and after the expected one
_UNSPACED = r"\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"  #: scripts without spaces
_PIECE = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+|\s+")


def fill_lines(text: str, widths: Sequence[float]) -> list[str]:
    """The text as lines of these widths, in its order: one each, "" for a line that gets nothing.

    Words are not cut; text that is written without spaces is cut between any characters. A text that has as many lines as there
    are widths is taken to be broken already.
    """
    given = [line.strip() for line in text.splitlines() if line.strip()]
    if len(given) == len(widths):
        return given
    pieces = _PIECE.findall(" ".join(given))
    if not widths or not pieces:
        return [""] * len(widths)
    ends = list(accumulate(map(text_width, pieces)))
    breaks = _breaks(ends, widths) if len(pieces) <= _MAX_PIECES else _expected(ends, widths)
    starts = [0, *breaks]
    return ["".join(pieces[start:end]).strip() for start, end in zip(starts, [*breaks, len(pieces)], strict=True)]


def _expected(ends: Sequence[float], widths: Sequence[float]) -> list[int]:
    """Where the lines but the last end if the text is as dense everywhere: numbers of pieces."""
    whole = sum(widths) or 1.0
    targets = [reached * ends[-1] / whole for reached in accumulate(widths)][:-1]
    found, at = [], 0
    for target in targets:
        while at < len(ends) and (ends[at] + (ends[at - 1] if at else 0)) / 2 < target:
            at += 1
        found.append(at)
    return found


def _breaks(ends: Sequence[float], widths: Sequence[float]) -> list[int]:
    """The breaks whose lines differ least from their widths: the least sum of squares."""
    scale = ends[-1] / (sum(widths) or 1.0)
    reached = [0.0, *ends]
    expected = [*_expected(ends, widths), len(ends)]
    best: dict[int, float] = {0: 0.0}
    chosen: list[dict[int, int]] = []
    for line, (middle, width) in enumerate(zip(expected, widths, strict=True)):
        tried = range(max(0, middle - _TRIED), min(len(ends), middle + _TRIED) + 1)
        if line == len(widths) - 1:
            tried = range(len(ends), len(ends) + 1)
        costs: dict[int, float] = {}
        origin: dict[int, int] = {}
        for end in tried:
            start = min(
                (start for start in best if start <= end),
                key=lambda start: best[start] + (reached[end] - reached[start] - scale * width) ** 2,
                default=None,
            )
            if start is not None:
                costs[end] = best[start] + (reached[end] - reached[start] - scale * width) ** 2
                origin[end] = start
        best = costs
        chosen.append(origin)
    found = [len(ends)]
    for origin in reversed(chosen):
        found.append(origin[found[-1]])
    return found[-2:0:-1]
