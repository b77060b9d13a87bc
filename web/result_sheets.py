"""The tables of a result as a spreadsheet: a sheet for each, written row by row into files, so that memory is that of a row.

Every cell is a text or a number, never a formula or a link, whatever the page says.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from ocr_celery.core.result_formats import ResultHead, ResultWriter
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.table_csv import MISSING_PAGES
from ocr_celery.core.table_grid import Grid, is_number
from ocr_celery.core.table_parts import TablePart, TableParts

_PIECE = 64 * 1024  #: bytes that are sent at once
_MOST_ROWS = 1_048_576  #: of a sheet, in Excel
_LONGEST_CELL = 32_767  #: UTF-16 units, in Excel
_WIDTHS = (8, 60)  #: of columns: characters


def sheet_pieces(
    head: ResultHead, pages: Iterator[ResultPage], add: Callable[[ResultWriter, ResultPage], str]
) -> Iterator[bytes]:
    """The whole file, in pieces. `add`: hands a page to the writer. Raises `NoTables`, `NoSuchTable`, and what `pages` raises."""
    with TemporaryDirectory(prefix="ocr-sheets-") as folder, TemporaryFile(dir=folder) as file:
        with closing(TablesAsSheets(head, file, folder)) as writer:
            for page in pages:
                add(writer, page)
            writer.end()
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


class TablesAsSheets:
    """Writes a spreadsheet into this file, and until then into files in this folder. To be closed, whether it ends or not."""

    def __init__(self, head: ResultHead, file: BinaryIO, folder: str) -> None:
        self._parts = TableParts(head)
        self._book = Workbook(file, {"constant_memory": True, "tmpdir": folder})
        self._formats: dict[tuple[str, bool], Any] = {}
        self._sheet: Any = None
        self._rows = 0
        self._widths: list[int] = []

    def begin(self) -> str:
        """Nothing."""
        return ""

    def add(self, page: ResultPage) -> str:
        """Write the tables of the next page."""
        for part in self._parts.add(page):
            self._add_part(part)
        return ""

    def end(self) -> str:
        """Say which pages are missing, and complete the file. Raises `NoTables`, `NoSuchTable`."""
        self._parts.end()
        if self._parts.missing:
            self._begin_sheet("Missing pages")
            self._write([list(MISSING_PAGES), *([str(page), code] for page, code in self._parts.missing)], 1)
        self._end_sheet()
        self._book.close()
        return ""

    def close(self) -> None:
        """Close all files."""
        for sheet in self._book.worksheets():
            _close_rows(sheet)

    def _add_part(self, part: TablePart) -> None:
        if not part.goes_on or self._rows + len(part.rows) > _MOST_ROWS:
            self._begin_sheet(f"Page {part.page}, table {part.number}")
        self._write(part.rows, 0 if part.goes_on else len(part.heading))

    def _begin_sheet(self, name: str) -> None:
        self._end_sheet()
        self._sheet = self._book.add_worksheet(name)
        self._rows, self._widths = 0, []

    def _end_sheet(self) -> None:
        for column, width in enumerate(self._widths):
            self._sheet.set_column(column, column, width)
        if self._sheet is not None:
            _close_rows(self._sheet)

    def _write(self, rows: Grid, headings: int) -> None:
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                if text:
                    self._write_cell(column, text, is_heading=number < headings)
            self._widths = _wider(self._widths, row)
            self._rows += 1

    def _write_cell(self, column: int, text: str, *, is_heading: bool) -> None:
        if is_number(text):
            shown = self._format(_number_format(text), is_heading=is_heading)
            self._sheet.write_number(self._rows, column, float(text), shown)
        else:
            self._sheet.write_string(self._rows, column, _cut(text), self._format("@", is_heading=is_heading))

    def _format(self, shown: str, *, is_heading: bool) -> Any:
        """How a cell looks; each is defined once."""
        if (shown, is_heading) not in self._formats:
            properties = {"num_format": shown, "bold": is_heading, "valign": "top", "text_wrap": shown == "@"}
            self._formats[shown, is_heading] = self._book.add_format(properties)
        return self._formats[shown, is_heading]


def _close_rows(sheet: Any) -> None:
    """Close the file with the rows of a sheet, which stays open otherwise until the last one is written."""
    sheet._opt_close()


def _number_format(text: str) -> str:
    """The code of a format that shows a number as it stands: with its sign and as many decimal places."""
    _, _, places = text.partition(".")
    plain = f"0.{'0' * len(places)}" if places else "0"
    return f"+{plain};-{plain};+{plain}" if text.startswith("+") else plain


def _cut(text: str) -> str:
    """The text, as much of it as a cell holds."""
    units = text.encode("utf-16-le", "replace")
    if len(units) > 2 * _LONGEST_CELL:
        return units[: 2 * (_LONGEST_CELL - 1)].decode("utf-16-le", "ignore") + "…"
    return units.decode("utf-16-le")


def _wider(widths: Sequence[int], row: Sequence[str]) -> list[int]:
    """The widths of columns that hold this row too."""
    least, most = _WIDTHS
    needed = [max(least, min(most, _width(text[:most]) + 2)) for text in row]
    return list(map(max, [*widths, *[0] * (len(row) - len(widths))], needed))


def _width(text: str) -> int:
    """How many fields of a terminal a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
