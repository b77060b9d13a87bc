"""The tables of a result as CSV: one after the other, an empty line between.

A spreadsheet runs a text that looks like a formula, and the text is untrusted: an apostrophe before it keeps it a text.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.table_parts import TableParts

MISSING_PAGES = ("missing page", "code")  #: the heading of what is said of them
_BOM = "\ufeff"  #: without it Excel takes the text for that of another alphabet
#: where spreadsheets see the beginning of a formula: in front of a field, or of what some of them take for the next one
_FORMULA = re.compile(r"((?:^|;)\"*)(?=[=+\-@\t\r＝＋－＠])")
_HARMLESS = re.compile(r"[-+]\s?[0-9][0-9.,\s]*%?|-+")


class TablesAsCsv:
    """CSV by RFC 4180, with a mark of its encoding in front; then which pages are missing."""

    def __init__(self, head: ResultHead) -> None:
        self._parts, self._only = TableParts(head), head.table
        self._is_empty = True

    def begin(self) -> str:
        """Nothing, as there may be no table."""
        return ""

    def add(self, page: ResultPage) -> str:
        """The tables of the next page."""
        return "".join(self._table(part.rows, goes_on=part.goes_on) for part in self._parts.add(page))

    def end(self) -> str:
        """The pages that are missing, unless one table was asked for. Raises `NoTables`, `NoSuchTable`."""
        self._parts.end()
        if self._only or not self._parts.missing:
            return ""
        return self._table([MISSING_PAGES, *([str(page), why] for page, why in self._parts.missing)], goes_on=False)

    def _table(self, rows: Sequence[Sequence[str]], *, goes_on: bool) -> str:
        before = _BOM if self._is_empty else "" if goes_on else "\r\n"
        self._is_empty = False
        return before + csv_text(rows)


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([without_formula(field) for field in row] for row in rows)
    return text.getvalue()


def without_formula(text: str) -> str:
    """The text, with an apostrophe before what a spreadsheet would run; numbers such as -12.5, -1,234 and -5 % stay."""
    return text if _HARMLESS.fullmatch(text) else _FORMULA.sub(r"\1'", text)
