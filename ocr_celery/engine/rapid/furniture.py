"""Reads running heads, running feet and page numbers before and after everything else, not as lines of the columns below them."""

from collections.abc import Mapping, Sequence

from ocr_celery.engine.rapid.geometry import Line, bounds, group_rows
from ocr_celery.engine.rapid.page_part import PagePart
from ocr_celery.engine.rapid.region_labels import FURNITURE, Labelled


def take_out_furniture(
    lines: Sequence[Line], labels: Mapping[int, Labelled]
) -> tuple[list[PagePart], list[Line], list[PagePart]]:
    """The running heads, the other lines, and the running feet. `labels`: see `region_labels.label_lines`."""
    furniture = [li for li in lines if _is_furniture(li, labels)]
    text = [li for li in lines if not _is_furniture(li, labels)]
    middle = sum(bounds(text)[1::2]) / 2 if text else 0.0
    heads, feet = [li for li in furniture if li.y < middle], [li for li in furniture if li.y >= middle]
    return _parts(heads, labels), text, _parts(feet, labels)


def _is_furniture(line: Line, labels: Mapping[int, Labelled]) -> bool:
    return id(line) in labels and labels[id(line)].label in FURNITURE


def _parts(lines: Sequence[Line], labels: Mapping[int, Labelled]) -> list[PagePart]:
    """A part for the lines of each region, row by row from left to right."""
    members: dict[Labelled, list[Line]] = {}
    for row in group_rows(lines):
        for line in row:
            members.setdefault(labels[id(line)], []).append(line)
    return [
        PagePart(label=seen.label, rect=bounds(inside), text="  ".join(li.text.strip() for li in inside))
        for seen, inside in members.items()
    ]
