"""A page's result as blocks in reading order: what each is, where it is on the page, and its text.

An answer without tags (a plain prompt, a PDF's own text) does not say what is where: it is one block without boxes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ocr_celery.core import grounding, markdown
from ocr_celery.core.grounding import MAX_COORD, Block, Box
from ocr_celery.core.html_tables import with_pipe_tables
from ocr_celery.core.plain_text import plain_text
from ocr_celery.core.table_cells import Table, split_tables

_TEXT = "text"  #: the label of what the answer gives no label
VERBATIM = frozenset({"code", "equation", "formula"})  #: labels whose text has no markup of markdown
_TITLES = frozenset({"title", "sub_title"})


@dataclass(frozen=True, slots=True)
class PageBlock:
    """One block of a page."""

    label: str  #: "title", "text", "table", "image", …, as the engine names it
    boxes: tuple[Box, ...]  #: pixels of the upright page: left, upper, right, lower
    text: str  #: plain text; cells of tables are separated by tabs
    parts: tuple[str | Table, ...]  #: its markdown before, between and behind its tables, and these
    markdown: str  #: as in the markdown of the page

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables in their order."""
        return tuple(part for part in self.parts if isinstance(part, Table))

    @property
    def html(self) -> str:
        """Its tables, nothing but text and harmless tags within their cells; "" where it has none."""
        return "".join(table.as_html() for table in self.tables)

    def as_dict(self) -> dict[str, Any]:
        """As the format `json` shows it."""
        shown: dict[str, Any] = {"label": self.label, "boxes": [list(box) for box in self.boxes], "text": self.text}
        return {**shown, "html": self.html} if self.tables else shown


def page_blocks(raw: str, *, width: int, height: int) -> list[PageBlock]:
    """The blocks of an engine's answer. `width`, `height`: pixels of the upright page; without them blocks have no boxes.

    Never fails, and takes a time linear in the length of the answer. Blocks with neither text nor place are left out.
    """
    if not grounding.has_tags(raw):
        found = [_block_without_tags(raw.removesuffix(grounding.END))]
    else:
        found = [_page_block(block, width, height) for block in grounding.parse_blocks(raw)]
    return [block for block in found if block.text or block.boxes or block.markdown]


def with_parts(block: PageBlock, parts: Sequence[str | Table]) -> PageBlock | None:
    """The block with other tables or texts in it; None where nothing is left."""
    if not any(part.rows if isinstance(part, Table) else part.strip() for part in parts):
        return None
    shown = with_pipe_tables("".join(part.as_html() if isinstance(part, Table) else part for part in parts)).strip()
    return replace(block, parts=tuple(parts), text=_block_text(block.label, parts), markdown=shown)


def _page_block(block: Block, width: int, height: int) -> PageBlock:
    boxes = tuple(_in_pixels(box, width, height) for box in block.boxes) if width > 0 and height > 0 else ()
    shown = markdown.block_markdown(block)
    label = block.label or _TEXT
    if not block.text and block.label not in markdown.LABELS:  # the label is the text itself, which was located
        return PageBlock(_TEXT, boxes, block.label, (shown,), shown)
    text = markdown.without_pictures(block.text) if label in markdown.PICTURES else block.text
    if label in VERBATIM:
        return PageBlock(label, boxes, text, (text,), shown)
    parts = tuple(split_tables(text, unclosed=label == "table"))
    plain = _block_text(label, parts)
    return PageBlock(label, boxes, plain, parts if len(parts) > 1 else (shown,), shown)


def _block_without_tags(text: str) -> PageBlock:
    """Markdown or plain text, which its answer does not say. It is ours to unescape where escaping it again gives the same."""
    unescaped = plain_text(text)
    if markdown.escape(unescaped) == text:
        return PageBlock(_TEXT, (), unescaped.strip(), (text,), text)
    parts = tuple(split_tables(text))
    shown = _joined(part.as_text() if isinstance(part, Table) else part.strip() for part in parts)
    return PageBlock(_TEXT, (), shown, parts, text)


def _block_text(label: str, parts: Sequence[str | Table]) -> str:
    text = _joined(part.as_text() if isinstance(part, Table) else plain_text(part).strip() for part in parts)
    return " ".join(text.split()) if label in _TITLES else text


def _joined(texts: Iterable[str]) -> str:
    return "\n".join(text for text in texts if text)


def _in_pixels(box: Box, width: int, height: int) -> Box:
    """The smallest box in whole pixels that contains this one, which is in thousandths of the page."""
    left, upper, right, lower = box
    return (
        left * width // MAX_COORD,
        upper * height // MAX_COORD,
        -(-right * width // MAX_COORD),
        -(-lower * height // MAX_COORD),
    )
