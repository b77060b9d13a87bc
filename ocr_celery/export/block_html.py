"""A page's blocks as HTML that is harmless wherever it is shown: the one renderer of files and of what programs ask for."""

import html
import logging
import re
from collections.abc import Sequence

from ocr_celery.core.blocks import VERBATIM, PageBlock
from ocr_celery.core.html_entities import unescape_entities
from ocr_celery.core.table_cells import Table, safe_content
from ocr_celery.export.formulas import Formulas
from ocr_celery.export.markdown_html import markdown_html
from ocr_celery.export.sanitizer import TooDeep, sanitize

log = logging.getLogger(__name__)
_IN_CELL = re.compile(r"\\\(((?:(?!\\[()]).){1,2000}?)\\\)", re.DOTALL)
_DISPLAYED = re.compile(r"\s*(?:\\\[(.*)\\\]|\\\((.*)\\\)|\$\$(.*)\$\$)\s*", re.DOTALL)
_FENCES = ("```", "~~~")


def blocks_html(blocks: Sequence[PageBlock]) -> list[str]:
    """HTML of each block of a page, "" where it has no text. Never fails."""
    formulas = Formulas()
    return [_block_html(block, formulas) for block in blocks]


def _block_html(block: PageBlock, formulas: Formulas) -> str:
    try:
        return sanitize("".join(_part_html(block.label, part, formulas) for part in block.parts)).strip()
    except TooDeep:
        return sanitize(f"<pre>{html.escape(block.markdown)}</pre>")
    except Exception:
        log.warning("a block cannot be shown as HTML; its source is", exc_info=True)
        return sanitize(f"<pre>{html.escape(block.markdown)}</pre>")


def _part_html(label: str, part: str | Table, formulas: Formulas) -> str:
    if isinstance(part, Table):
        return part.as_html(lambda inner: _cell_html(inner, formulas), heading_rows=_heading_rows(part))
    if not part.strip():
        return ""
    if label == "code" and not part.lstrip().startswith(_FENCES):
        return f"<pre><code>{html.escape(part)}</code></pre>"
    if label in VERBATIM - {"code"}:
        whole = _DISPLAYED.fullmatch(part)
        latex = next((found for found in whole.groups() if found is not None), "") if whole else part
        if whole is None and _IN_CELL.search(part):
            return markdown_html(part, formulas)
        return f"<p>{formulas.as_html(latex, display=True)}</p>"
    return markdown_html(part, formulas)


def _cell_html(inner: str, formulas: Formulas) -> str:
    """Text with harmless tags, in which formulas are shown."""
    pieces, done = [], 0
    for found in _IN_CELL.finditer(inner):
        pieces.append(safe_content(inner[done : found.start()]))
        pieces.append(formulas.as_html(unescape_entities(found[1]), display=False))
        done = found.end()
    return "".join([*pieces, safe_content(inner[done:])])


def _heading_rows(table: Table) -> int:
    """How many rows at the top are of heading cells only, or are reached by these."""
    heads = 0
    for row in table.rows:
        if not row or not all(cell.is_head for cell in row):
            break
        heads += 1
    at = 0
    while at < heads:
        heads = max([heads, *(at + cell.rows for cell in table.rows[at])])
        at += 1
        if at == len(table.rows):
            return at
    return heads
