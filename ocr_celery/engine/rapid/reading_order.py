"""Arranges the lines of a page into paragraphs, headings and tables in reading order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from ocr_celery.engine.rapid import aligned_tables, columns, paragraphs, ruled_tables
from ocr_celery.engine.rapid.figures import find_figures, insert_figures
from ocr_celery.engine.rapid.furniture import take_out_furniture
from ocr_celery.engine.rapid.geometry import Area, Line, Rect, bounds, group_rows, is_vertical_line, median_line_height
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.page_part import PagePart
from ocr_celery.engine.rapid.page_regions import PageRegions
from ocr_celery.engine.rapid.paragraphs import Paragraph
from ocr_celery.engine.rapid.region_labels import NO_HEADINGS, Described, Labelled, label_lines
from ocr_celery.engine.rapid.tables import Table

_SUB_TITLE_RATIO, _TITLE_RATIO = 1.3, 1.7  #: height of a heading's letters over that of the body


def layout_page(
    lines: Sequence[Line],
    horizontal: Sequence[Rect] = (),
    vertical: Sequence[Rect] = (),
    regions: Sequence[Region] = (),
) -> list[PagePart]:
    """The parts of a page in reading order; every line's text is in exactly one of them.

    `horizontal` and `vertical` are the page's ruling lines, `regions` what the layout model sees. Coordinates are in pixels.
    """
    lines = [li for li in lines if li.text.strip()]
    if not lines:
        return []
    if _is_vertical_text(lines):
        return [
            replace(p, rect=_rotate_rect_back(p.rect))
            for p in layout_horizontal_text([_rotate_line(li) for li in lines], [], [])
        ]
    return layout_horizontal_text(lines, horizontal, vertical, regions)


def layout_horizontal_text(
    lines: Sequence[Line], horizontal: Sequence[Rect], vertical: Sequence[Rect], regions: Sequence[Region] = ()
) -> list[PagePart]:
    """The parts of a page whose text runs from left to right."""
    seen = PageRegions(regions, lines)
    framed, rest = ruled_tables.find_ruled_tables(lines, horizontal, vertical)
    figures, rest = find_figures(seen, rest, framed)
    line_height = median_line_height(rest or lines)
    described = Described(figures, [*framed, *(Area(*r.rect) for r in seen.labelled("table"))])
    labels = label_lines(seen, rest, described, line_height)
    body = _body_text_height(lines)
    heads, rest, feet = take_out_furniture(rest, labels)
    parts: list[PagePart] = []
    for group in columns.xy_cut([*rest, *framed], line_height, vertical):
        for run in _split_runs(group_rows(group), line_height, seen):
            if isinstance(run, Table):
                parts.append(PagePart(label="table", rect=(run.left, run.top, run.right, run.bottom), cells=run.cells))
            else:
                parts += [
                    _classify_paragraph(p, body, _shared_label(p.lines, labels))
                    for p in paragraphs.group_paragraphs(run, lambda row: _kind(row, labels))
                ]
    return [*heads, *insert_figures(parts, figures), *feet]


def _kind(row: Sequence[Line], labels: Mapping[int, Labelled]) -> Labelled | None:
    """What sets a row apart from the text around it."""
    label = _shared_label(row, labels)
    return label if label and label.label != "text" else None


def _shared_label(lines: Sequence[Line], labels: Mapping[int, Labelled]) -> Labelled | None:
    """The label of lines that all have the same."""
    found = {labels.get(id(li)) for li in lines}
    return found.pop() if len(found) == 1 else None


def _split_runs(
    group: Sequence[Sequence[Area]], line_height: float, seen: PageRegions
) -> Iterator[Table | list[list[Line]]]:
    """The rows of a group as tables and the rows of text between them."""
    text: list[list[Line]] = []
    for row in group:
        text.append([a for a in row if isinstance(a, Line)])
        framed = [a for a in row if isinstance(a, Table)]
        if framed:
            yield from _extract_aligned_tables([r for r in text if r], line_height, seen)
            yield from framed
            text = []
    yield from _extract_aligned_tables([r for r in text if r], line_height, seen)


def _extract_aligned_tables(
    group: list[list[Line]], line_height: float, seen: PageRegions
) -> Iterator[Table | list[list[Line]]]:
    begin = 0  # first row not yet yielded
    index = 0
    while index < len(group):
        end = _table_candidate_end(group, index, line_height)
        table = aligned_tables.detect_aligned_table(group[index:end], line_height) if end - index > 1 else None
        if table and not seen.is_running_text(table):
            if group[begin:index]:
                yield group[begin:index]
            yield table
            begin = index = end
        else:
            index = max(end, index + 1)
    if group[begin:]:
        yield group[begin:]


def _table_candidate_end(group: Sequence[Sequence[Line]], begin: int, line_height: float) -> int:
    """The end (exclusive) of the rows from `begin` on that may be a table.

    Its rows have several cells. Between them may be one other row, or several that continue a cell
    of a later column.
    """
    end, lefts = begin, [li.left for li in group[begin][1:]]
    for index in range(begin, len(group)):
        row = group[index]
        far = index > begin and bounds(row)[1] - bounds(group[index - 1])[3] > 2.5 * line_height
        goes_on = len(row) > 1 or any(abs(row[0].left - left) < 0.5 * line_height for left in lefts)
        if far or index - end > 1 or (index == begin and len(row) == 1):
            break
        if goes_on:
            end = index + 1
        if len(row) > 1:
            lefts = [li.left for li in row[1:]]
    return end


def _body_text_height(lines: Sequence[Line]) -> float:
    """The height of the line that holds the page's middle character, lines sorted by height."""
    sizes = sorted((min(li.height, li.width), len(li.text)) for li in lines)
    reached = list(accumulate(count for _, count in sizes))
    return max(1.0, next(size for (size, _), seen in zip(sizes, reached, strict=True) if seen >= reached[-1] / 2))


def _classify_paragraph(paragraph: Paragraph, body: float, seen: Labelled | None) -> PagePart:
    """The paragraph as a part: a short text in clearly larger letters than the body is a heading.

    Unless the layout model sees it within a block of text, where formulas are as high.
    """
    size = min(li.height for li in paragraph.lines) / body
    short = len(paragraph.text) <= 100 and len(paragraph.lines) <= 2 and any(map(str.isalpha, paragraph.text))
    label = seen.label if seen else "text"
    if short and size >= _SUB_TITLE_RATIO and not (seen and label in NO_HEADINGS):
        label = "sub_title" if size < _TITLE_RATIO else "title"
    return PagePart(label=label, rect=bounds(paragraph.lines), text=paragraph.text)


# -- vertical text: columns from right to left ----------------------------------------------------------------------------------


def _is_vertical_text(lines: Sequence[Line]) -> bool:
    """Whether most characters are in tall narrow boxes with CJK text."""
    upright = sum(len(li.text) for li in lines if is_vertical_line(li))
    return upright > 0.6 * sum(len(li.text) for li in lines)


def _rotate_line(line: Line) -> Line:
    """The line on the page turned a quarter to the left: the first column becomes the uppermost line."""
    return Line(line.top, -line.right, line.bottom, -line.left, line.text)


def _rotate_rect_back(rect: Rect) -> Rect:
    left, top, right, bottom = rect
    return -bottom, left, -top, right
