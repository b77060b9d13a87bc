"""Pages whose tables that go on on the next page are joined: the whole table stands where it begins.

By the rule of `table_parts`. A page is held back until the next one is known. A joined table has a bounded size: what exceeds
it is another table, on the page where it stands.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ocr_celery.core.blocks import PageBlock, with_parts
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.table_cells import Cell, Table
from ocr_celery.core.table_grid import Grid, heading_rows, table_grid
from ocr_celery.core.table_parts import goes_on

_MOST_CELLS = 100_000  #: of a joined table, some 30 MB


@dataclass(frozen=True, slots=True)
class _Place:
    """A table on its page."""

    block: int
    part: int
    table: Table
    heading: Grid


class _LastTable:
    """The last table of a page, with what further pages added to it."""

    def __init__(self, page: ResultPage, place: _Place) -> None:
        self._first, self._place = page, place
        self._rows: list[Sequence[Cell]] = list(place.table.rows)
        self._page = page.number
        self._cells = _cell_count(place.table)
        self._behind: list[ResultPage] = []

    def take(self, page: ResultPage, first: _Place) -> bool:
        """Take the first table of the next page, and its page, where it goes on with this one."""
        added = _cell_count(first.table)
        if self._cells + added > _MOST_CELLS or not goes_on(
            self._page, self._place.heading, page.number, first.heading
        ):
            return False
        self._rows += first.table.rows[len(first.heading) :]
        self._cells += added
        self._page = page.number
        self._behind.append(_with_table(page, first, None))
        return True

    @property
    def newest(self) -> ResultPage:
        """The page that was taken last, without the table it began with."""
        return self._behind[-1]

    def pages(self, *, but_newest: bool = False) -> list[ResultPage]:
        """The page of the table, and those whose tables it took."""
        if not self._behind:
            return [self._first]
        heads = len(self._place.heading)
        named = [[replace(cell, is_head=True) for cell in row] for row in self._rows[:heads]]
        first = _with_table(self._first, self._place, Table([*named, *self._rows[heads:]]))
        return [first, *(self._behind[:-1] if but_newest else self._behind)]


def joined_tables(pages: Iterable[ResultPage]) -> Iterator[ResultPage]:
    """The pages in their order, with their tables joined. Raises what `pages` raises."""
    last: _LastTable | None = None
    for page in pages:
        places = _places(page)
        if last is not None and places and last.take(page, places[0]):
            if len(places) > 1:
                yield from last.pages(but_newest=True)
                trimmed = last.newest
                last = _LastTable(trimmed, _places(trimmed)[-1])
            continue
        if last is not None:
            yield from last.pages()
        last = _LastTable(page, places[-1]) if places else None
        if last is None:
            yield page
    if last is not None:
        yield from last.pages()


def _places(page: ResultPage) -> list[_Place]:
    """The tables of a page that have a text. A page that cannot be parsed by a mistake of ours has none: its writer says so."""
    try:
        return [
            _Place(number, at, part, grid[: heading_rows(part)])
            for number, block in enumerate(page.blocks())
            for at, part in enumerate(block.parts)
            if isinstance(part, Table) and any(map(any, grid := table_grid(part)))
        ]
    except Exception:
        return []


def _with_table(page: ResultPage, place: _Place, table: Table | None) -> ResultPage:
    """The page with another table in this place, or with none. Its text as it was read goes: it may wait for long."""
    blocks: list[PageBlock | None] = list(page.blocks())
    block = blocks[place.block]
    assert block is not None
    parts = [*block.parts[: place.part], *([table] if table else []), *block.parts[place.part + 1 :]]
    blocks[place.block] = with_parts(block, parts)
    result = {**page.result, "text": ""} if isinstance(page.result, dict) else page.result
    return replace(page, result=result, changed=tuple(block for block in blocks if block is not None))


def _cell_count(table: Table) -> int:
    return sum(map(len, table.rows))
