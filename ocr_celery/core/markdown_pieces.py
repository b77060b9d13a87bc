"""Cuts markdown into its headings, paragraphs, tables and blocks of code, and paragraphs that are too long at their sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from ocr_celery.core.table_cells import table_spans

_HEADING = re.compile(r"(#{1,6})[ \t]+\S")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_SENTENCE_END = re.compile(r"[.!?;][\"'”’)\]]*\s|[。！？；][”’」』）]*")
_SHORTEST = 3  #: a cut that leaves less than one in so many of the characters wanted is no good one


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text that means something by itself."""

    text: str
    level: int = 0  #: of a heading, 1 to 6; 0: it is none
    is_whole: bool = False  #: a table or code, which makes no sense in parts


def split_markdown(text: str, *, unclosed: bool = False) -> Iterator[Piece]:
    """The pieces of a text in their order; nothing but white space between them is lost. Takes a linear time.

    `unclosed`: its last table may lack its end, see `table_cells.split_tables`.
    """
    done = 0
    for start, end in table_spans(text, unclosed=unclosed):
        yield from _split_lines(text[done:start])
        yield Piece(text[start:end], is_whole=True)
        done = end
    yield from _split_lines(text[done:])


def _split_lines(text: str) -> Iterator[Piece]:
    for (kind, _), lines in groupby(_numbered_lines(text), key=lambda line: line[:2]):
        joined = "\n".join(line for _, _, line in lines)
        heading = _HEADING.match(joined) if kind == "heading" else None
        if kind in ("code", "table"):
            yield Piece(joined, is_whole=True)
        elif joined.strip():
            yield Piece(joined.strip(), level=len(heading[1]) if heading else 0)


def _numbered_lines(text: str) -> Iterator[tuple[str, int, str]]:
    """Each line with its kind and a number that differs between neighbours that are not one piece."""
    fence = ""
    number = 0
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            yield "code", number, line
            if found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
                number += 1
        elif found:
            fence = found[1]
            number += 1
            yield "code", number, line
        else:
            kind = _kind(line)
            number += kind == "heading"
            yield kind, number, line
            number += kind == "heading"


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if _HEADING.match(line):
        return "heading"
    return "table" if line.startswith("|") else "text"


def cut_text(text: str, most: int) -> Iterator[str]:
    """A text in parts of at most `most` characters, cut at lines, else at sentences, else between words. Takes a linear time."""
    most = max(most, 1)
    start = 0
    while len(text) - start > most:
        at = start + _cut_place(text[start : start + most])
        if part := text[start:at].strip():
            yield part
        start = at
    if part := text[start:].strip():
        yield part


def _cut_place(window: str) -> int:
    sentences = [found.end() for found in _SENTENCE_END.finditer(window)]
    for place in (window.rfind("\n"), sentences[-1] if sentences else 0, window.rfind(" ")):
        if place * _SHORTEST >= len(window):
            return place
    return len(window)
