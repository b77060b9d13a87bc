"""Finds the figures of a page, and their places in its reading order.

A figure is what the layout model sees as one, if it is mostly no text. Its lines are its labels, and read with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_celery.engine.rapid.geometry import Area, Line, Rect, group_rows
from ocr_celery.engine.rapid.page_part import PagePart
from ocr_celery.engine.rapid.page_regions import PageRegions, lines_within, overlap_share
from ocr_celery.engine.rapid.region_labels import IMAGE_CAPTION
from ocr_celery.engine.rapid.wording import is_running_text

_MIN_SCORE = 0.6
_MAX_TEXT = 0.3  #: share of a figure that boxes of lines cover
_MAX_RUNNING = 0.3  #: share of its lines that are running text


@dataclass(frozen=True)
class Figure(Area):
    """A picture, drawing or chart, and the lines in it."""

    lines: tuple[Line, ...]


def find_figures(
    regions: PageRegions, lines: Sequence[Line], tables: Sequence[Area]
) -> tuple[list[Figure], list[Line]]:
    """The figures, and the lines outside of them. Where a table was found there is no figure."""
    found, rest = list[Figure](), list(lines)
    for region in regions.labelled("figure"):
        if region.score < _MIN_SCORE or any(_meet(other, region.rect) for other in (*tables, *found)):
            continue
        inside = lines_within(rest, region.rect)
        if _is_mostly_text(inside, region.rect):
            continue
        inside = [li for li in inside if not is_running_text(li.text)]
        found.append(Figure(*region.rect, tuple(inside)))
        taken = set(map(id, inside))
        rest = [li for li in rest if id(li) not in taken]
    return found, rest


def _meet(area: Area, rect: Rect) -> bool:
    other = Area(*rect)
    return max(overlap_share(area, rect), overlap_share(other, (area.left, area.top, area.right, area.bottom))) > 0.3


def _is_mostly_text(lines: Sequence[Line], rect: Rect) -> bool:
    covered = sum(li.width * li.height for li in lines) / max(1.0, Area(*rect).width * Area(*rect).height)
    running = sum(is_running_text(li.text) for li in lines)
    return covered > _MAX_TEXT or running > _MAX_RUNNING * len(lines)


def insert_figures(parts: Sequence[PagePart], figures: Sequence[Figure]) -> list[PagePart]:
    """The parts with the figures among them: each beside its caption, else behind the part above it."""
    found = list(parts)
    for figure in sorted(figures, key=lambda f: (f.top, f.left)):
        text = "\n".join("  ".join(li.text.strip() for li in row) for row in group_rows(figure.lines))
        part = PagePart(label="image", rect=(figure.left, figure.top, figure.right, figure.bottom), text=text)
        found.insert(_place_of(figure, found), part)
    return found


def _place_of(figure: Figure, parts: Sequence[PagePart]) -> int:
    """Where a figure stands among the parts."""
    captions = [(_gap(figure, p.rect), n) for n, p in enumerate(parts) if p.label == IMAGE_CAPTION]
    if captions and min(captions)[0] <= figure.height / 2:
        number = min(captions)[1]
        return number + (Area(*parts[number].rect).bottom < figure.y)
    over = [(p.rect[3], n) for n, p in enumerate(parts) if _is_in_column(figure, p.rect) and p.rect[3] <= figure.y]
    under = [(p.rect[1], n) for n, p in enumerate(parts) if _is_in_column(figure, p.rect) and p.rect[1] > figure.y]
    return max(over)[1] + 1 if over else min(under)[1] if under else len(parts)


def _gap(figure: Area, rect: Rect) -> float:
    across = max(figure.left, rect[0]) - min(figure.right, rect[2])
    down = max(figure.top, rect[1]) - min(figure.bottom, rect[3])
    return max(across, 0.0) + max(down, 0.0)


def _is_in_column(figure: Area, rect: Rect) -> bool:
    shared = min(figure.right, rect[2]) - max(figure.left, rect[0])
    return shared >= 0.5 * min(figure.width, rect[2] - rect[0])
