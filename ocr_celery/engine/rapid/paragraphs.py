"""Groups the rows of a column into paragraphs.

A short line ends its paragraph where it ends a sentence too, or where the next line's first word would have fitted behind
it; never where its sentence goes on.
"""

import statistics
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ocr_celery.core.line_joining import is_broken_word, is_cjk, join_lines
from ocr_celery.engine.rapid.geometry import Line
from ocr_celery.engine.rapid.wording import ends_sentence, goes_on


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together, and their text with words and lines joined."""

    lines: list[Line]
    text: str
    has_joined_lines: bool = False  #: it is prose, not a list of short lines


def group_paragraphs(
    rows: Sequence[Sequence[Line]], kind_of: Callable[[Sequence[Line]], Hashable] = lambda _: None
) -> list[Paragraph]:
    """The paragraphs of one column; its rows are given from top to bottom, each from left to right.

    Rows of different kinds are different paragraphs, rows of one kind that is not None are one.
    """
    column = _Column(rows)
    found: list[Paragraph] = []
    before: Sequence[Line] | None = None
    for row in rows:
        text = "  ".join(li.text.strip() for li in row)
        if before is None or kind_of(before) != kind_of(row):
            how = "new"
        else:
            how = "join" if kind_of(row) is not None else column.relation(before, row, found[-1])
        if how == "new":
            found.append(Paragraph(list(row), text))
        elif how == "break":
            found[-1].lines += row
            found[-1].text += "\n" + text
        else:
            found[-1].lines += row
            found[-1].text = join_lines(found[-1].text, text)
            found[-1].has_joined_lines = True
        before = row
    return found


class _Column:
    """The measures of a column, and by them the relation of two consecutive rows."""

    def __init__(self, rows: Sequence[Sequence[Line]]) -> None:
        lines = [li for row in rows for li in row]
        self.height = max(1.0, statistics.median(li.height for li in lines))
        self.left = min(li.left for li in lines)
        self.right = max(li.right for li in lines)

    def relation(self, above: Sequence[Line], below: Sequence[Line], paragraph: Paragraph) -> str:
        """How the text continues: "join" the rows, "break" the line within the paragraph, or start a "new" one."""
        gap = min(li.top for li in below) - max(li.bottom for li in above)
        if gap > 0.8 * self.height or self._size_changes(above, below):
            return "new"
        if len(above) > 1 or len(below) > 1:
            return "break"
        indented = [row[0].left - self.left > 1.2 * self.height for row in (above, below)]
        begins = indented == [False, True]
        texts = above[0].text, below[0].text
        if is_broken_word(*texts) or (goes_on(*texts) and not begins):
            return "join"
        if begins:
            return "new"
        ragged = indented == [True, True] and abs(above[0].left - below[0].left) > 0.5 * self.height
        if not self._ends_early(above, below) and not ragged:
            return "join"
        return "break" if (ragged or self._is_short(below)) and not paragraph.has_joined_lines else "new"

    def _is_short(self, row: Sequence[Line]) -> bool:
        return self.right - row[-1].right > 0.18 * (self.right - self.left)

    def _ends_early(self, above: Sequence[Line], below: Sequence[Line]) -> bool:
        """Whether a row is short for another reason than that the next word is long: text set flush left is ragged."""
        if not self._is_short(above) or ends_sentence(above[-1].text):
            return self._is_short(above)
        text = below[0].text.strip()
        word = text.split(maxsplit=1)[0] if text else ""
        if any(map(is_cjk, word)):
            return True
        share = (len(word) + 1) / max(1, len(text))  # with the space before it
        return self.right - above[-1].right > share * below[0].width

    def _size_changes(self, above: Sequence[Line], below: Sequence[Line]) -> bool:
        sizes = sorted(max(1.0, *(li.height for li in row)) for row in (above, below))
        return sizes[1] > 1.35 * sizes[0]
