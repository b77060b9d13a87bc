"""What a table is, and which of its columns a text belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_celery.engine.rapid.geometry import Area


@dataclass(frozen=True)
class Table(Area):
    """A table: rows of texts, all of the same length; an empty cell is an empty text."""

    cells: list[list[str]]


def interval_index(borders: Sequence[float], value: float) -> int:
    """The number of the interval between two borders that a value lies in; the outer ones have no end."""
    return max(0, sum(value >= b for b in borders[:-1]) - 1)
