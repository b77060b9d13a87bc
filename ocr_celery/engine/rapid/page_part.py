"""What a page consists of, in reading order."""

from dataclasses import dataclass

from ocr_celery.engine.rapid.geometry import Rect


@dataclass(frozen=True, kw_only=True)
class PagePart:
    """One part of a page: a paragraph, a heading, a table, a figure, a running head …"""

    label: str  #: of the block language, see `core.markdown.LABELS`
    rect: Rect  #: pixels, in the coordinates of the lines
    text: str = ""  #: running text; a newline where the page breaks a line on purpose
    cells: list[list[str]] | None = None  #: of a table: rows of texts
