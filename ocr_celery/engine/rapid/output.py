"""Renders the parts of a page in DeepSeek-OCR's block language or as plain text."""

import math
from collections.abc import Callable, Sequence

from ocr_celery.core import grounding, markdown
from ocr_celery.core.grounding import MAX_COORD, Block, Box
from ocr_celery.engine.rapid.geometry import Rect
from ocr_celery.engine.rapid.page_part import PagePart


def render_blocks(parts: Sequence[PagePart], to_fractions: Callable[[Rect], Rect]) -> str:
    """The parts in block language, their texts escaped as markdown.

    `to_fractions` maps a part's rectangle to fractions (0 to 1) of the page's width and height.
    """
    return grounding.render_blocks(
        Block(p.label, (_grounding_box(to_fractions(p.rect)),), _block_text(p)) for p in parts
    )


def render_plain(parts: Sequence[PagePart]) -> str:
    """The parts as plain text: an empty line between parts, a tab between cells, no markdown escapes."""
    return grounding.escape_tags("\n\n".join(_tabbed_rows(p.cells) if p.cells is not None else p.text for p in parts))


def _block_text(part: PagePart) -> str:
    if part.cells is None:
        return markdown.escape(part.text)
    rows = ("".join(f"<td>{markdown.escape_cell(cell)}</td>" for cell in row) for row in part.cells)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _tabbed_rows(cells: list[list[str]]) -> str:
    return "\n".join("\t".join(" ".join(cell.split()) for cell in row).rstrip() for row in cells)


def _grounding_box(rect: Rect) -> Box:
    left, top, right, bottom = (min(MAX_COORD, max(0, v * MAX_COORD)) for v in rect)
    return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)
