"""Makes paragraphs of the lines of a text layer, which come in the file's order: that is the order in which it was written.

Lines are compared with their predecessor only. What does not clearly go on begins a paragraph, so that nothing is glued
together that stands apart.
"""

import re
import statistics
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ocr_celery.core.line_joining import join_lines

_ITEM = re.compile(r"[•‣◦▪·–—*-]\s|\(?\d{1,3}[.)]\s")  #: begins an item of a list
_UNSEEN = frozenset("\u00ad\u200b\u2060\ufeff")  #: soft hyphen, zero-width space, word joiner, byte order mark


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """A line and where it stands, in any unit, with y downwards."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    hyphenated: bool = False  #: a hyphen stood at its end, which is not in `text`

    @property
    def height(self) -> float:
        """At least 1e-6."""
        return max(1e-6, self.bottom - self.top)


def join_paragraphs(lines: Iterable[TextLine]) -> str:
    """The text of all lines: a blank line between paragraphs, a line break where a line ends early within one."""
    known = [line for line in lines if line.text.strip() or line.hyphenated]
    return "\n\n".join(_joined(block) for block in _blocks(known))


def clean_line(text: str) -> str:
    """The text without what no reader sees: control characters, soft hyphens, spaces of no width; spaces made one."""
    if not text.isprintable():  # it seldom is not, and a page has thousands of characters
        seen = (c for c in text if c not in _UNSEEN and (c.isspace() or unicodedata.category(c) not in ("Cc", "Cs")))
        text = "".join(seen)
    return " ".join(text.split())


def _blocks(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Runs of lines of one size, one below the other, without a wider gap."""
    usual = _usual_pitch(lines)
    found: list[list[TextLine]] = []
    for line in lines:
        if found and _goes_on(found[-1][-1], line, usual):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _usual_pitch(lines: Sequence[TextLine]) -> float:
    """From the top of a line to the top of the next, in heights of the line: the median; 1 where no two are neighbours."""
    pitches = [
        (below.top - above.top) / above.height
        for above, below in pairwise(lines)
        if 0 < below.top - above.top < 4 * above.height
    ]
    return statistics.median(pitches) if pitches else 1.0


def _goes_on(above: TextLine, below: TextLine, usual: float) -> bool:
    pitch = (below.top - above.top) / above.height
    sizes = sorted((above.height, below.height))
    side_by_side = min(above.right, below.right) <= max(above.left, below.left)
    return above.hyphenated or (0.4 < pitch <= 1.3 * usual and sizes[1] <= 1.35 * sizes[0] and not side_by_side)


def _joined(block: Sequence[TextLine]) -> str:
    left, right = min(line.left for line in block), max(line.right for line in block)
    text = block[0].text
    for above, line in pairwise(block):
        ends_early = right - above.right > 0.18 * (right - left)
        indented = line.left - left > 1.2 * line.height > above.left - left
        if above.hyphenated:
            text = _mended(text, line.text)
        elif ends_early or indented or _ITEM.match(line.text):
            text = f"{text}\n{line.text}"
        else:
            text = join_lines(text, line.text)
    return f"{text}-" if block[-1].hyphenated else text


def _mended(first: str, second: str) -> str:
    """Two halves of a word. The hyphen stays before a capital or a figure: "Jean-Paul", "2019-2020"."""
    return join_lines(f"{first}-", second) if second[:1].islower() else f"{first}-{second}"
