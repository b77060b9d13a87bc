"""Converts plain HTML tables in an answer to GitHub pipe tables, in one pass over the tags.

A table that is never closed, or closed twice, is left as it is.
"""

import re
from dataclasses import dataclass, field

_EDGE = re.compile(r"<table\b[^<>]*>|</table>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(table|thead|tbody|tfoot|tr|td|th)\b([^<>]*)>", re.IGNORECASE)
_FILLED = 8  #: at least one in this many cells of the pipe table exists in the HTML; else it would be mostly pipes
_BLOCK_TAG = re.compile(r"<(?:table|tr|td|th|p|div|ul|ol|li|h[1-6]|pre)\b", re.IGNORECASE)


class _NotPlain(Exception):
    """A pipe table cannot show this table."""


def with_pipe_tables(text: str) -> str:
    """The text with a pipe table in place of each HTML table whose cells span one field and hold only inline markup."""
    parts: list[str] = []
    done = 0
    opened: int | None = None
    for edge in _EDGE.finditer(text):
        if edge[0][1] != "/":
            opened = edge.start() if opened is None else opened
        elif opened is not None:
            parts += text[done:opened], _table(text[opened : edge.end()])
            done, opened = edge.end(), None
    return "".join(parts) + text[done:]


def _table(html: str) -> str:
    rows = _Rows()
    try:
        done = 0
        for tag in _TAG.finditer(html):
            rows.text(html[done : tag.start()])
            rows.tag(tag[2].lower(), tag[3], closes=bool(tag[1]))
            done = tag.end()
    except _NotPlain:
        return html
    return _pipes(rows.rows) or html


@dataclass
class _Rows:
    """Collects the cells of a table."""

    rows: list[list[str]] = field(default_factory=list)
    in_row: bool = False
    cell: str = ""  #: tag name of the open cell, "" outside of cells
    inner: str = ""  #: its content

    def text(self, text: str) -> None:
        """Text between two tags of the table."""
        if self.cell:
            self.inner = text
        elif text.strip():
            raise _NotPlain  # text outside of cells would be lost

    def tag(self, name: str, attributes: str, *, closes: bool) -> None:
        """A tag of the table."""
        if self.cell:
            if not closes or name != self.cell or _BLOCK_TAG.search(self.inner):
                raise _NotPlain
            self.rows[-1].append(self.inner)
            self.cell = ""
        elif name in ("td", "th"):
            if closes or not self.in_row or "span" in attributes.lower():
                raise _NotPlain
            self.cell, self.inner = name, ""
        elif name == "tr":
            self.in_row = not closes
            if self.in_row:
                self.rows.append([])


def _pipes(rows: list[list[str]]) -> str:
    """A pipe table with rows of equal width; "" for a single column, or if most rows are much shorter than the longest."""
    width = max(map(len, rows), default=0)
    if width < 2 or width * len(rows) > _FILLED * sum(map(len, rows)):
        return ""
    lines = [f"| {' | '.join([*map(_cell, row), *[''] * (width - len(row))])} |" for row in rows]
    return "\n".join(["\n", lines[0], "|" + " --- |" * width, *lines[1:], "\n"])


def _cell(inner: str) -> str:
    """The content of a cell for a pipe table: entities become backslash escapes, which are easier to read."""
    text = re.sub(r"(?<!\\)\|", r"\\|", " ".join(inner.split()))
    text = text.replace("&lt;", "\\<").replace("&gt;", "\\>")
    text = re.sub(r"&#(42|91|92|93|95|96|124|126);", lambda m: "\\" + chr(int(m[1])), text)
    return re.sub(r"&amp;(?!#?\w+;)", "&", text)
