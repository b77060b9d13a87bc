"""Judges whether rows of cells are a table: ruled, figures, or three full columns; never sentences that go on downwards.

In two columns a date is no figure: a label with a date after it is an entry of a form or a list.
"""

from collections.abc import Sequence

from ocr_celery.engine.rapid.wording import (
    continuing_share,
    has_date,
    is_contents,
    is_counted,
    is_figure,
    is_running_text,
)

Columns = Sequence[Sequence[str]]  #: the texts of each column, without the empty ones

_MIN_PROSE_CELLS = 4  #: of a column that may be prose
_MANY_FIGURES = 0.25  #: share of cells
_FULL, _FULL_OF_FIGURES = 0.6, 0.4  #: share of cells that have text; a figure's labels and a formula's parts have fewer


def is_table(cells: Sequence[Sequence[str]], *, ruled: bool) -> bool:
    """Whether rows of texts, all of the same length, are a table; `ruled` if ruling lines frame its cells."""
    columns = [[text for text in column if text.strip()] for column in zip(*cells, strict=True)]
    if sum(map(_is_column_of_prose, columns)) >= 2:
        return False
    return ruled or (not _is_list(columns) and _has_cells_of_table(cells, columns))


def _is_list(columns: Columns) -> bool:
    """Whether this is a table of contents, or numbered lines, notes or items."""
    return is_contents(columns) or (len(columns) == 2 and is_counted(columns[0]))


def _has_cells_of_table(cells: Sequence[Sequence[str]], columns: Columns) -> bool:
    filled = [text for column in columns for text in column]
    rows = sum(sum(bool(text.strip()) for text in row) > 1 for row in cells)
    full = len(filled) / max(1, len(columns) * len(cells))
    if rows < 2 or len(filled) < 4 or (rows == 2 and full < 1):
        return False
    figures = sum(is_figure(text) and not (len(columns) == 2 and has_date(text)) for text in filled) / len(filled)
    running = sum(map(is_running_text, filled)) / len(filled)
    if running > 0.5 and figures < 0.2:
        return False
    if figures >= _MANY_FIGURES:
        return full >= _FULL_OF_FIGURES
    return len(columns) >= 3 and full >= _FULL


def _is_column_of_prose(texts: Sequence[str]) -> bool:
    return (
        len(texts) >= _MIN_PROSE_CELLS
        and continuing_share(texts) >= 0.4
        and sum(map(is_running_text, texts)) >= 0.5 * len(texts)
    )
