"""The block language of DeepSeek-OCR: labelled texts with their boxes on the page, as the model writes them.

A block is ``<|ref|>label<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>``, a newline and its text; an empty line separates
blocks. Coordinates are thousandths of the page, 0 to 999, from its upper left corner. The parser makes one pass over the tags,
because an answer may hold any number of them in any order: models repeat themselves, and answers are cut off.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_COORD = 999  #: the largest coordinate: the right or lower edge of the page
END = "<｜end▁of▁sentence｜>"

Box = tuple[int, int, int, int]  #: left, upper, right, lower

_TAGS = ("<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>")
_LONGEST_TAG = max(map(len, _TAGS))
_TAG = re.compile(r"<\|/?(?:ref|det)\|>")
# an answer that was cut off ends within a tag, a label or a list of boxes
_CUT = re.compile(
    r"(?:<\|ref\|>[^<\n]*(?:<\|?/?[a-z]*\|?)?|<\|det\|>[\[\]\d\s,.\-]*(?:<\|?/?[a-z]*\|?)?|<\|/?[a-z]*\|?)$"
)
_BOX = re.compile(r"\[\s*" + r"\s*,\s*".join([r"(-?[0-9]++(?:\.[0-9]++)?)"] * 4) + r"\s*\]")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page."""

    label: str  #: "title", "text", "table", … or "" for text before the first tag
    boxes: tuple[Box, ...]  #: where the block is; the model may name several boxes, or none
    text: str  #: markdown as the model wrote it; tables as HTML


def render_blocks(blocks: Iterable[Block]) -> str:
    """The blocks in the model's notation. Tags within a label or a text are escaped, see `escape_tags`."""
    return "".join(_render(b) for b in blocks)


def _render(block: Block) -> str:
    head = (
        f"<|ref|>{escape_tags(block.label)}<|/ref|><|det|>{[list(b) for b in block.boxes]}<|/det|>\n"
        if block.label
        else ""
    )
    return f"{head}{escape_tags(block.text)}\n\n"


def parse_blocks(text: str) -> list[Block]:
    """The blocks of a raw answer, in its order. Takes time linear in its length.

    Never fails: coordinates are sorted and clamped to 0…999, malformed boxes are dropped, tags without their partner (the
    answer may end within one) are dropped, and text before the first tag becomes a block without a label.
    """
    text = text.removesuffix(END)
    blocks: list[Block] = []
    label: str | None = None
    boxes, start = "", 0
    for head in _heads(text):
        _add(blocks, label, boxes, text[start : head.start])
        label, boxes, start = head.label, head.boxes, head.end
    _add(blocks, label, boxes, text[start:])
    return blocks


def escape_tags(text: str) -> str:
    """The text with a space within each tag of the block language: a page that shows ``<|ref|>`` must not open a block."""
    return _TAG.sub(lambda m: m[0].replace("<|", "< |"), text)


def has_tags(text: str) -> bool:
    """Whether a raw answer contains a tag of the block language, even a single one."""
    return _TAG.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Head:
    """The tags in front of a block's text: their range in the answer, and their contents."""

    start: int
    end: int
    label: str
    boxes: str


def _heads(text: str) -> Iterator[_Head]:
    """Every complete label, with the complete list of boxes that follows it."""
    tags = list(_TAG.finditer(text))
    kinds = [tag[0] for tag in tags]
    at = 0
    while at < len(tags):
        if kinds[at : at + 2] != ["<|ref|>", "<|/ref|>"]:
            at += 1
            continue
        opened, closed = tags[at], tags[at + 1]
        at += 2
        end, boxes = closed.end(), ""
        if kinds[at : at + 2] == ["<|det|>", "<|/det|>"]:
            inner = text[tags[at].end() : tags[at + 1].start()]
            if "<" not in inner and not text[end : tags[at].start()].strip():
                end, boxes = tags[at + 1].end(), inner
                at += 2
        yield _Head(opened.start(), end, text[opened.end() : closed.start()].strip(), boxes)


def _add(blocks: list[Block], label: str | None, boxes: str, text: str) -> None:
    """Append a block. `label`: None for the text before the first head, which is a block only if it is not empty."""
    text = _clean(text)
    if label is not None or text:
        blocks.append(Block(label or "", tuple(_box(m) for m in _BOX.finditer(boxes)), text))


def _clean(text: str) -> str:
    text = _TAG.sub("", _CUT.sub("", text))
    return (_without_tags(text) if has_tags(text) else text).strip()


def _without_tags(text: str) -> str:
    """The text without tags, and without tags that form only when others are removed (``<|re<|det|>f|>``)."""
    kept: list[str] = []
    pieces = text.split(">")
    for piece in pieces[:-1]:
        kept += piece
        kept.append(">")
        end = "".join(kept[-_LONGEST_TAG:])
        for tag in _TAGS:
            if end.endswith(tag):
                del kept[-len(tag) :]
    return "".join(kept) + pieces[-1]


def _box(match: re.Match[str]) -> Box:
    x1, y1, x2, y2 = map(_coordinate, match.groups())
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _coordinate(number: str) -> int:
    """The number, clamped to 0…MAX_COORD; it may have any number of digits."""
    whole, _, fraction = number.partition(".")
    if whole.startswith("-"):
        return 0
    whole = whole.lstrip("0")
    return MAX_COORD if len(whole) > 3 else min(MAX_COORD, round(float(f"{whole or 0}.{fraction[:6] or 0}")))
