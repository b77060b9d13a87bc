"""Converts an engine's answer to clean markdown, and escapes the text of a page for markdown."""

import html
import re

from ocr_celery.core import grounding
from ocr_celery.core.grounding import Block
from ocr_celery.core.html_tables import with_pipe_tables

#: labels that name a region of a page; another label without text is itself the text that was located or read
LABELS = frozenset(
    {
        *("title", "sub_title", "text", "list", "code", "equation", "formula", "header", "footer", "page_number"),
        *(
            "table",
            "table_caption",
            "table_footnote",
            "figure",
            "figure_caption",
            "figure_title",
            "image",
            "image_caption",
        ),
        *("caption", "chart", "footnote", "reference", "seal", "aside_text"),
    }
)
PICTURES = frozenset({"image", "figure", "chart", "seal"})
_HEADING = {"title": "# ", "sub_title": "## "}

_ANYWHERE = re.compile(r"[*`<>|\[\]]|\\(?=[!-/:-@\[-`{-~]|$)|~(?=~)|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)", re.MULTILINE)
_LINE_START = re.compile(
    r"^(\d{1,9})(?=[.)](?:\s|$))|^(?=#{1,6}(?:\s|$)|[+-](?:\s|$)|(?:-[^\S\n]*)+$|=+\s*$)", re.MULTILINE
)
_MARKED = re.compile(r"#{1,6}(?:\s|$)")  #: a line that already is a heading


def escape(text: str) -> str:
    """The text, escaped so that CommonMark, GitHub's markdown and HTML show it unchanged."""
    text = _ANYWHERE.sub(lambda m: "\\" + m[0], re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE))
    return _LINE_START.sub(lambda m: f"{m[1] or ''}\\", text)


def escape_cell(text: str) -> str:
    """The text as content of an HTML table cell; characters special to markdown become entities."""
    text = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"[*`|\[\]\\]|~(?=~)|(?<!\w)_|_(?!\w)", lambda m: f"&#{ord(m[0])};", text)


def to_markdown(raw: str) -> str:
    """Clean markdown of a raw answer; an answer without a tag of the block language is returned unchanged.

    Never fails. Takes time linear in the length of the answer.
    """
    if not grounding.has_tags(raw):
        return raw
    parts = map(block_markdown, grounding.parse_blocks(raw))
    return "\n\n".join(part for part in parts if part)


def block_markdown(block: Block) -> str:
    """Clean markdown of one block; "" where it has no text."""
    return _part(block).replace("\\coloneqq", ":=").replace("\\eqqcolon", "=:")


def _part(block: Block) -> str:
    if not block.text and block.label not in LABELS:
        return block.label
    if block.label in _HEADING and block.text:
        title = " ".join(block.text.split())
        return title if _MARKED.match(title) else _HEADING[block.label] + title
    text = without_pictures(block.text) if block.label in PICTURES else block.text
    return re.sub(r"\n{3,}", "\n\n", with_pipe_tables(text)).strip()


def without_pictures(text: str) -> str:
    """The text without markdown images, ``![…](…)`` within a line: the model invents their targets."""
    return "\n".join(_line_without_pictures(line) if "![" in line else line for line in text.split("\n"))


def _line_without_pictures(line: str) -> str:
    kept: list[str] = []
    done = at = 0
    while (start := line.find("![", at)) >= 0:
        middle = line.find("]", start)
        if middle < 0:
            break
        if not line.startswith("(", middle + 1):
            at = middle + 1
            continue
        end = line.find(")", middle)
        if end < 0:
            break
        kept.append(line[done:start])
        done = at = end + 1
    return "".join(kept) + line[done:]
