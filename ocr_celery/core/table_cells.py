"""Reads the HTML tables of an answer, however broken, to rows of cells, and writes these as text with tabs or as safe HTML.

Nothing of a table's text is lost: what stands outside of cells becomes a cell. Tags that shape the text of a cell stay,
without attributes, and no others: a page that shows ``<script>`` does no harm where its result is shown.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ocr_celery.core.html_entities import ENTITY, unescape_entities

_EDGE = re.compile(r"(?<!\\)<table\b[^<>]*>|</table>", re.IGNORECASE)
_TAG = re.compile(r"<(/?)(table|caption|thead|tbody|tfoot|tr|td|th)\b([^<>]*)>", re.IGNORECASE)
_SPAN = re.compile(r"\b(row|col)span\s*+=\s*+[\"']?\s*+([0-9]{1,3})(?![0-9])", re.IGNORECASE)
_INLINE = re.compile(r"<(/?(?:b|i|u|s|em|strong|sup|sub|br))\s*/?>", re.IGNORECASE)
_SPECIAL = re.compile(rf"{_INLINE.pattern}|{ENTITY.pattern}|[<>&]", re.IGNORECASE)
_ESCAPED = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    inner: str  #: its content as the model wrote it: text with inline HTML
    is_head: bool = False
    rows: int = 1  #: how many it spans
    columns: int = 1

    @property
    def text(self) -> str:
        """Its content as plain text on one line."""
        text = _INLINE.sub(lambda tag: " " if tag[1].lower() == "br" else "", self.inner)
        return " ".join(unescape_entities(text).split())


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table; they need not be of equal length."""

    rows: Sequence[Sequence[Cell]]

    def as_text(self) -> str:
        """A line for each row, its cells separated by tabs, without markup."""
        return "\n".join("\t".join(cell.text for cell in row).rstrip("\t") for row in self.rows)

    def as_html(self, content: Callable[[str], str] | None = None, *, heading_rows: int = 0) -> str:
        """A well-formed table. `content`: makes HTML of a cell's `inner`; otherwise `safe_content`.

        `heading_rows`: how many rows are its ``<thead>``, which is printed on each sheet again.
        """
        rows = [_row_html(row, content or safe_content) for row in self.rows]
        if not heading_rows:
            return f"<table>{''.join(rows)}</table>"
        head, body = "".join(rows[:heading_rows]), "".join(rows[heading_rows:])
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def split_tables(text: str, *, unclosed: bool = False) -> list[str | Table]:
    """The text before, between and behind its tables, and these, in their order. Never fails, and takes a linear time.

    `unclosed`: the last one may lack its end, as where an answer was cut off; otherwise it is text.
    """
    parts: list[str | Table] = []
    done = 0
    for start, end in table_spans(text, unclosed=unclosed):
        parts += text[done:start], _table(text[start:end])
        done = end
    return [*parts, text[done:]]


def table_spans(text: str, *, unclosed: bool = False) -> Iterator[tuple[int, int]]:
    """Where its tables begin and end, each from its first tag to the first that closes one. `unclosed`: as above."""
    opened: int | None = None
    for edge in _EDGE.finditer(text):
        if edge[0][1] != "/":
            opened = edge.start() if opened is None else opened
        elif opened is not None:
            yield opened, edge.end()
            opened = None
    if opened is not None and unclosed:
        yield opened, len(text)


def _table(html: str) -> Table:
    rows = _Rows()
    done = 0
    for tag in _TAG.finditer(html):
        rows.add_text(html[done : tag.start()])
        rows.add_tag(tag[2].lower(), tag[3], closes=bool(tag[1]))
        done = tag.end()
    rows.add_text(html[done:])
    rows.end_cell()
    return Table(rows.rows)


class _Rows:
    """Collects cells. Every tag of a table ends the cell that is open."""

    def __init__(self) -> None:
        self.rows: list[list[Cell]] = []
        self._starts_row = True
        self._open: Cell | None = None

    def add_text(self, text: str) -> None:
        """Text between two tags."""
        if self._open is not None:
            self._open = Cell(text.strip(), self._open.is_head, self._open.rows, self._open.columns)
        elif text.strip():
            self._append(Cell(text.strip()))

    def add_tag(self, name: str, attributes: str, *, closes: bool) -> None:
        """A tag of the table."""
        self.end_cell()
        if name in ("td", "th"):
            if not closes:
                spans = {which.lower(): max(1, int(number)) for which, number in _SPAN.findall(attributes)}
                self._open = Cell("", name == "th", spans.get("row", 1), spans.get("col", 1))
        else:
            self._starts_row = True

    def end_cell(self) -> None:
        """The open cell is complete."""
        if self._open is not None:
            self._append(self._open)
        self._open = None

    def _append(self, cell: Cell) -> None:
        if self._starts_row:
            self.rows.append([])
        self._starts_row = False
        self.rows[-1].append(cell)


def safe_content(inner: str) -> str:
    """The content of a cell as HTML: nothing but text and harmless tags, which need not be closed."""
    return _SPECIAL.sub(_safe, inner)


def _row_html(row: Sequence[Cell], content: Callable[[str], str]) -> str:
    return f"<tr>{''.join(_cell_html(cell, content) for cell in row)}</tr>"


def _cell_html(cell: Cell, content: Callable[[str], str]) -> str:
    name = "th" if cell.is_head else "td"
    spans = "".join(
        f' {which}="{number}"' for which, number in (("rowspan", cell.rows), ("colspan", cell.columns)) if number > 1
    )
    return f"<{name}{spans}>{content(cell.inner)}</{name}>"


def _safe(found: re.Match[str]) -> str:
    if found[1]:
        return f"<{found[1].lower()}>"
    return _ESCAPED.get(found[0], found[0])
