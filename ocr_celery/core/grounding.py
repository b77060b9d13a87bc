"""The block language of DeepSeek-OCR: what stands where on a page, written the way the model writes it.

A block is ``<|ref|>label<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>``, a newline and its text; blocks are parted by an empty
line. Coordinates are thousandths of the page, 0 to 999, from its upper left corner.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

TOP = 999  #: the largest coordinate: the right or lower edge of the page
END = "<｜end▁of▁sentence｜>"

Box = tuple[int, int, int, int]  #: left, upper, right, lower

_TAG = re.compile(r"<\|/?(?:ref|det)\|>")
_OPEN = re.compile(
    r"<\|ref\|>(?P<label>(?:(?!<\|/?(?:ref|det)\|>).)*)<\|/ref\|>\s*(?:<\|det\|>(?P<boxes>[^<]*)<\|/det\|>)?", re.DOTALL
)
# an answer that was cut off ends within a tag, a label or a list of boxes
_CUT = re.compile(
    r"(?:<\|ref\|>[^<\n]*(?:<\|?/?[a-z]*\|?)?|<\|det\|>[\[\]\d\s,.\-]*(?:<\|?/?[a-z]*\|?)?|<\|/?[a-z]*\|?)$"
)
_BOX = re.compile(r"\[\s*" + r"\s*,\s*".join([r"(-?\d+(?:\.\d+)?)"] * 4) + r"\s*\]")


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page."""

    label: str  #: "title", "text", "table", … or "" for text that stands before the first tag
    boxes: tuple[Box, ...]  #: where it stands; the model may name several boxes, or none
    text: str  #: markdown without escapes of its own; tables as HTML


def render(blocks: Iterable[Block]) -> str:
    """The blocks in the model's own notation; a tag inside a label or a text is taken apart, so that it stays text."""
    return "".join(_render(b) for b in blocks)


def _render(block: Block) -> str:
    head = (
        f"<|ref|>{defused(block.label)}<|/ref|><|det|>{[list(b) for b in block.boxes]}<|/det|>\n" if block.label else ""
    )
    return f"{head}{defused(block.text)}\n\n"


def parse(text: str) -> list[Block]:
    """The blocks of a raw answer, in its order.

    Never fails: coordinates are put in order and held within 0 to 999, boxes that are no boxes are left out, tags without
    their partner (the answer may end within one) are dropped, and text before the first tag is a block without a label.
    """
    text = text.removesuffix(END)
    heads = list(_OPEN.finditer(text))
    first = _clean(text[: heads[0].start()] if heads else text)
    blocks = [Block("", (), first)] if first else []
    ends = [h.start() for h in heads[1:]] + [len(text)]
    for head, end in zip(heads, ends, strict=True):
        boxes = tuple(_box(m) for m in _BOX.finditer(head["boxes"] or ""))
        blocks.append(Block(head["label"].strip(), boxes, _clean(text[head.end() : end])))
    return blocks


def defused(text: str) -> str:
    """The text with the tags of the block language taken apart: a page that shows ``<|ref|>`` must not open a block."""
    return _TAG.sub(lambda m: m[0].replace("<|", "< |"), text)


def tagged(text: str) -> bool:
    """Whether a raw answer is in block language, if only a broken piece of it."""
    return _TAG.search(text) is not None


def _clean(text: str) -> str:
    text = _CUT.sub("", text)
    while tagged(text):  # taking one out may close another around it
        text = _TAG.sub("", text)
    return text.strip()


def _box(match: re.Match[str]) -> Box:
    x1, y1, x2, y2 = (min(TOP, max(0, round(float(v)))) for v in match.groups())
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
