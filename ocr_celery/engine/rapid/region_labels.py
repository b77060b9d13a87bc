"""Labels lines by the layout model's regions, where position, length and wording agree.

Headings, captions, running heads and feet, page numbers; and blocks of text, in which no line is a heading.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ocr_celery.engine.rapid.geometry import Area, Line, bounds, group_rows
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.page_regions import PageRegions
from ocr_celery.engine.rapid.wording import is_running_text

HEADER, FOOTER, PAGE_NUMBER = "header", "footer", "page_number"
HEADING, IMAGE_CAPTION, TABLE_CAPTION = "sub_title", "image_caption", "table_caption"
FURNITURE = frozenset({HEADER, FOOTER, PAGE_NUMBER})
NO_HEADINGS = frozenset({"text", PAGE_NUMBER})  #: however large their letters are

_MAX_HEADING = 100  #: characters
_MAX_HEADING_ROWS = 3
_MIN_CAPTION_SCORE = 0.7  #: of a caption that does not begin as one
_MIN_FURNITURE_SCORE = 0.6  #: of a running head or foot that is no number
_CAPTION_GAP = 3.0  #: line heights between a caption and what it describes
_MAX_SIZE = 1.4  #: line heights; a running head or foot in larger letters is none
_BLOCK_ROWS = 4  #: of a block of text; so many rows are no heading
_HEADING_START = re.compile(r"[\w(（《“\"'¿¡]")
_FIGURE_NUMBER = re.compile(
    r"(?:fig(?:ure|\.)?|abb(?:ildung|\.)?|chart|plate|scheme)\s*[A-Z]?[\d.-]*\d|[图圖]\s*\d", re.I
)
_TABLE_NUMBER = re.compile(r"tab(?:le|elle|leau|\.)\s*[A-Z]?(?:[\d.-]*\d|[IVX]+\b)|表\s*\d", re.I)
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|p\.|seite|第)?\s*(?:[A-Z]-?)?(?:\d{1,5}|[ivxlc]{1,7})\s*(?:(?:of|/|von|de)\s*\d{1,4}|[页頁])?\W*", re.I
)


class Labelled(NamedTuple):
    """What a line is, and which of the page's regions says so: lines of different regions are different blocks."""

    label: str
    region: int


class Described(NamedTuple):
    """What captions describe."""

    figures: Sequence[Area]
    tables: Sequence[Area]


def label_lines(
    regions: PageRegions, lines: Sequence[Line], described: Described, line_height: float
) -> dict[int, Labelled]:
    """The labels of the lines that have one, by their `id`. `line_height` is the median of the page, in pixels."""
    is_prose = _is_prose(lines)
    numbers = {id(region): number for number, region in enumerate(regions.all)}
    members: dict[int, list[Line]] = {}
    for line in lines:
        region = regions.region_of(line)
        if region is not None:
            members.setdefault(numbers[id(region)], []).append(line)
    found: dict[int, Labelled] = {}
    for number, inside in members.items():
        label = _label(regions.all[number], inside, described, line_height)
        if label in FURNITURE and not is_prose:
            continue
        found |= {id(li): Labelled(label, number) for li in inside if label}
    found |= _beside_furniture(found, lines, regions)
    return _without_doubtful_furniture(found, lines, regions)


def _label(region: Region, inside: Sequence[Line], described: Described, line_height: float) -> str:
    """What the lines of a region are; "" where they may be anything."""
    rows = group_rows(inside)
    text = " ".join(li.text.strip() for row in rows for li in row)
    if region.label == "title":
        return HEADING if _is_heading(text) and len(rows) <= _MAX_HEADING_ROWS else ""
    if region.label in ("figure_caption", "table_caption"):
        return _caption_label(region, text, Area(*bounds(inside)), described, _CAPTION_GAP * line_height)
    if region.label in ("header", "footer"):
        is_small = max(li.height for li in inside) < _MAX_SIZE * line_height
        if len(rows) > 1 or not is_small or _TABLE_NUMBER.match(text):
            return ""
        return PAGE_NUMBER if _PAGE_NUMBER.fullmatch(text) else region.label
    return "text" if region.label == "text" and len(rows) >= _BLOCK_ROWS else ""


def _caption_label(region: Region, text: str, caption: Area, described: Described, gap: float) -> str:
    """Of a caption that says what it is, or that stands beside what it describes."""
    if _FIGURE_NUMBER.match(text) or _TABLE_NUMBER.match(text):
        return IMAGE_CAPTION if _FIGURE_NUMBER.match(text) else TABLE_CAPTION
    if region.score < _MIN_CAPTION_SCORE:
        return ""
    label, areas = (
        (IMAGE_CAPTION, described.figures) if region.label == "figure_caption" else (TABLE_CAPTION, described.tables)
    )
    return label if any(_is_near(caption, area, gap) for area in areas) else ""


def _is_prose(lines: Sequence[Line]) -> bool:
    """Whether most of a page's text is running text: else what stands above it may as well be the title of a table or form."""
    running = sum(len(li.text) for li in lines if is_running_text(li.text))
    return 2 * running >= sum(len(li.text) for li in lines)


def _is_heading(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    is_sentence = text.endswith((".", "。", ",", ";"))
    return (
        len(text) <= _MAX_HEADING and 2 * letters >= len(text) and not is_sentence and bool(_HEADING_START.match(text))
    )


def _is_near(caption: Area, area: Area, gap: float) -> bool:
    """Whether a caption stands above, below or beside an area, at most `gap` pixels from it."""
    across = max(caption.left, area.left) - min(caption.right, area.right)
    down = max(caption.top, area.top) - min(caption.bottom, area.bottom)
    return max(across, down) <= gap and min(across, down) < 0


def _beside_furniture(
    found: Mapping[int, Labelled], lines: Sequence[Line], regions: PageRegions
) -> dict[int, Labelled]:
    """Labels of the lines at the height of a running head or foot that the model sees as nothing."""
    furniture = [li for li in lines if id(li) in found and found[id(li)].label in FURNITURE]
    labels: dict[int, Labelled] = {}
    for line in lines:
        beside = next((f for f in furniture if abs(f.y - line.y) < 0.5 * min(f.height, line.height)), None)
        if beside and id(line) not in found and regions.region_of(line) is None:
            seen = found[id(beside)]
            is_number = _PAGE_NUMBER.fullmatch(line.text) is not None
            labels[id(line)] = Labelled(PAGE_NUMBER if is_number else regions.all[seen.region].label, seen.region)
    return labels


def _without_doubtful_furniture(
    found: Mapping[int, Labelled], lines: Sequence[Line], regions: PageRegions
) -> dict[int, Labelled]:
    """The labels without running heads that have text above them, and running feet that have text below.

    And without rows of furniture in which there is no page number and nothing that the model is sure of.
    """
    furniture = [li for li in lines if id(li) in found and found[id(li)].label in FURNITURE]
    known = set(map(id, furniture))
    text = [li for li in lines if id(li) not in known]
    bottom = min((li.bottom for li in text), default=0.0)
    top = max((li.top for li in text), default=0.0)
    doubtful: set[int] = set()
    for row in group_rows(furniture):
        labels = [found[id(li)] for li in row]
        is_sure = any(
            seen.label == PAGE_NUMBER or regions.all[seen.region].score >= _MIN_FURNITURE_SCORE for seen in labels
        )
        doubtful |= {id(li) for li in row if not is_sure or bottom < li.y < top}
    return {key: labelled for key, labelled in found.items() if key not in doubtful}
