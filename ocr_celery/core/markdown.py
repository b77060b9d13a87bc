"""From what an engine answered to clean markdown, and from the text of a page to text that markdown leaves alone."""

import html
import re

from ocr_celery.core import grounding
from ocr_celery.core.grounding import Block

#: labels that name a part of a page; another label without text is what was looked for or read there
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
_PICTURES = frozenset({"image", "figure", "chart", "seal"})
_HEADING = {"title": "# ", "sub_title": "## "}

_ANYWHERE = re.compile(r"[*`<>|\[\]]|\\(?=[!-/:-@\[-`{-~]|$)|~(?=~)|(?<!\w)_|_(?!\w)|&(?=#?\w+;)", re.MULTILINE)
_LINE_START = re.compile(r"^(\d{1,9})(?=[.)](?:\s|$))|^(?=#{1,6}(?:\s|$)|[+-](?:\s|$)|(?:-\s*)+$|=+\s*$)", re.MULTILINE)
_TABLE = re.compile(r"<table\b[^>]*>.*?</table>", re.DOTALL | re.IGNORECASE)


def escape(text: str) -> str:
    """The text so that markdown (CommonMark and GitHub's) and HTML show it as it is and see no markup in it."""
    text = _ANYWHERE.sub(lambda m: "\\" + m[0], re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE))
    return _LINE_START.sub(lambda m: f"{m[1] or ''}\\", text)


def escape_cell(text: str) -> str:
    """The text as content of an HTML table cell; characters that markdown knows become entities, as markdown reads HTML."""
    text = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"[*`|\[\]\\]|~(?=~)|(?<!\w)_|_(?!\w)", lambda m: f"&#{ord(m[0])};", text)


def to_markdown(raw: str) -> str:
    """Clean markdown of a raw answer; an answer without a tag of the block language is returned as it is."""
    if not grounding.tagged(raw):
        return raw
    parts = [_part(block) for block in grounding.parse(raw)]
    text = "\n\n".join(p for p in parts if p)
    return text.replace("\\coloneqq", ":=").replace("\\eqqcolon", "=:")


def _part(block: Block) -> str:
    if not block.text and block.label not in LABELS:
        return block.label
    if block.label in _HEADING and block.text:
        title = " ".join(block.text.split())
        return title if title.startswith("#") else _HEADING[block.label] + title
    text = re.sub(r"!\[[^\]\n]*\]\([^)\n]*\)", "", block.text) if block.label in _PICTURES else block.text
    return re.sub(r"\n{3,}", "\n\n", _TABLE.sub(lambda m: _pipe_table(m[0]), text)).strip()


# -- tables --------------------------------------------------------------------------------------------------------------

_ROW = re.compile(r"<tr\b[^>]*>(.*?)</tr>", re.DOTALL | re.IGNORECASE)
_CELL = re.compile(r"<t([dh])\b([^>]*)>(.*?)</t\1>", re.DOTALL | re.IGNORECASE)
_FRAME = re.compile(r"</?(?:table|thead|tbody|tfoot|tr)\b[^>]*>", re.IGNORECASE)
_BLOCK_TAG = re.compile(r"<(?:table|tr|td|th|p|div|ul|ol|li|h[1-6]|pre)\b", re.IGNORECASE)


def _pipe_table(table: str) -> str:
    """The table with GitHub's pipes where every cell is one field of plain or inline text; else the HTML as it is."""
    cells = [_CELL.findall(row) for row in _ROW.findall(table)]
    lost = _CELL.sub("", _FRAME.sub("", table)).strip()
    spans = any("span" in attributes.lower() for row in cells for _, attributes, _ in row)
    nested = any(_BLOCK_TAG.search(text) for row in cells for _, _, text in row)
    width = max(map(len, cells), default=0)
    if lost or spans or nested or width < 2:
        return table
    rows = [[_cell(text) for _, _, text in row] + [""] * (width - len(row)) for row in cells]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(["\n", lines[0], "|" + " --- |" * width, *lines[1:], "\n"])


def _cell(inner: str) -> str:
    """Inner HTML of a cell within pipes: entities become escapes, which are easier to read."""
    text = re.sub(r"(?<!\\)\|", r"\\|", " ".join(inner.split()))
    text = text.replace("&lt;", "\\<").replace("&gt;", "\\>")
    text = re.sub(r"&#(42|91|92|93|95|96|124|126);", lambda m: "\\" + chr(int(m[1])), text)
    return re.sub(r"&amp;(?!#?\w+;)", "&", text)
