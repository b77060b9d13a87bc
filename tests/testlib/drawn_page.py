"""A page as text: every piece between two or more spaces is one line of text at that position."""

import re
from collections.abc import Iterator

from ocr_celery.engine.rapid.geometry import Line

CHARACTER = 10.0  #: pixels that a character is wide
HEIGHT = 20.0  #: pixels that a line is high
PITCH = 24.0  #: pixels from the top of a row to the top of the next
_PIECE = re.compile(r"\S+(?: \S+)*")


def drawn(page: str, *, top: float = 0.0) -> list[Line]:
    """The lines of a drawn page, row by row; its first row, if empty, does not count."""
    rows = page.removeprefix("\n").splitlines()
    return [line for number, row in enumerate(rows) for line in _pieces(row, top + number * PITCH)]


def _pieces(row: str, top: float) -> Iterator[Line]:
    for piece in _PIECE.finditer(row):
        left, right = piece.start() * CHARACTER, piece.end() * CHARACTER
        yield Line(left, top, right, top + HEIGHT, piece[0])
