"""The tables of a result as they come, page by page; those that go on on the next page are joined where that is asked for.

A table goes on where it is the last of its page, and the first of the next page has the same headings, column by column; these
are not repeated then.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.table_cells import Table
from ocr_celery.core.table_grid import Grid, heading_rows, table_grid
from ocr_celery.errors import NoSuchTable, NoTables


@dataclass(frozen=True, slots=True)
class TablePart:
    """A table, or what a page adds to one."""

    page: int
    number: int  #: of the table on its page, from 1
    rows: Grid
    heading: Grid  #: the first of the rows; of one that goes on, those of its beginning
    goes_on: bool = False  #: whether the rows belong to the table before


class TableParts:
    """Takes the pages in order. Tables without a text are left out."""

    def __init__(self, head: ResultHead) -> None:
        self._only, self._joins = head.table, head.merge_tables
        self._last: TablePart | None = None
        self._tables = 0
        self.missing: list[tuple[int, str]] = []  #: pages without a text so far: number, and why

    def add(self, page: ResultPage) -> list[TablePart]:
        """The tables of the next page."""
        if page.missing:
            self.missing.append((page.number, page.missing))
        tables = [table for block in page.blocks() for table in block.tables]
        return list(self._wanted(page.number, tables))

    def end(self) -> None:
        """After the last page. Raises `NoTables`, or `NoSuchTable` where the one asked for does not exist."""
        if not self._tables:
            raise NoTables
        if self._only > self._tables:
            raise NoSuchTable(f"The result has {self._tables} table(s), and no table {self._only}; they count from 1.")

    def _wanted(self, page: int, tables: list[Table]) -> Iterator[TablePart]:
        number = 0
        for table in tables:
            rows = table_grid(table)
            if any(map(any, rows)):
                number += 1
                part = self._joined(TablePart(page, number, rows, rows[: heading_rows(table)]))
                self._tables += not part.goes_on
                self._last = part
                if self._only in (0, self._tables):
                    yield part

    def _joined(self, part: TablePart) -> TablePart:
        last = self._last
        if not self._joins or last is None or not goes_on(last.page, last.heading, part.page, part.heading):
            return part
        return replace(part, rows=part.rows[len(part.heading) :], goes_on=True)


def goes_on(last_page: int, last_heading: Grid, page: int, heading: Grid) -> bool:
    """Whether the first table of a page, with this heading, goes on with the last one of an earlier page."""
    return last_page == page - 1 and last_heading == heading and any(map(any, heading))
