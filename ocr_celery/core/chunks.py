"""Cuts a result into chunks for search and for language models: at headings and between paragraphs, never inside a table or code.

A chunk knows the headings that it stands under, its pages, and where its blocks are on them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ocr_celery.core.blocks import PageBlock
from ocr_celery.core.grounding import Box
from ocr_celery.core.markdown_pieces import Piece, cut_text, split_markdown
from ocr_celery.core.plain_text import plain_text

DEFAULT_SIZE = 2000  #: characters
SIZES = (200, 50_000)  #: the smallest and the largest that can be asked for
_GAP = "\n\n"
_LONGEST_HEADING = 200  #: characters of one above a chunk; every chunk below repeats it
_MOST_BOXES = 20  #: of one block; every chunk with a part of it lists them
_WHOLE = frozenset({"code", "equation", "formula"})  #: labels of blocks that are not cut


@dataclass(slots=True)
class Chunk:
    """Some pieces that follow one another."""

    headings: list[str]  #: those above its first piece, the highest first, and those that it begins with
    pages: list[int] = field(default_factory=list)
    boxes: list[tuple[int, Box]] = field(default_factory=list)  #: of its blocks: page, pixels
    texts: list[str] = field(default_factory=list)
    length: int = 0  #: characters
    has_body: bool = False  #: whether it has anything but headings
    last_block: PageBlock | None = None  #: whose boxes it has already

    def add(self, text: str, page: int, block: PageBlock) -> None:
        """Append a text of a block."""
        self.length += len(text) + (len(_GAP) if self.texts else 0)
        self.texts.append(text)
        if page not in self.pages[-1:]:
            self.pages.append(page)
        if block is not self.last_block:
            self.boxes += [(page, box) for box in _boxes(block) if (page, box) not in self.boxes[-1:]]
        self.last_block = block

    def has_room(self, text: str, most: int) -> bool:
        """Whether it stays within `most` characters with this text."""
        return self.length + len(_GAP) + len(text) <= most

    def as_dict(self, number: int) -> dict[str, Any]:
        """As it is shown."""
        boxes = [{"page": page, "box": list(box)} for page, box in self.boxes]
        shown = {"chunk": number, "text": _GAP.join(self.texts), "headings": self.headings}
        return {**shown, "pages": self.pages, "boxes": boxes}


class Chunker:
    """Takes the pages of a result in their order. A chunk has up to `size` characters, one with a table or code maybe more."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._headings: list[tuple[int, str]] = []
        self._chunk = Chunk([])

    def add(self, page: int, blocks: Iterable[PageBlock]) -> Iterator[Chunk]:
        """Take a page, and answer the chunks that are complete now."""
        for block in blocks:
            for piece in _pieces(block):
                yield from self._add_piece(piece, page, block)

    def end(self) -> Iterator[Chunk]:
        """The last chunk."""
        if self._chunk.texts:
            yield self._chunk

    def _add_piece(self, piece: Piece, page: int, block: PageBlock) -> Iterator[Chunk]:
        if piece.level:
            is_short = len(piece.text) <= self._size // 4
            if self._chunk.has_body or (is_short and not self._chunk.has_room(piece.text, self._size // 2)):
                yield from self._cut()
            self._enter_heading(piece)
            if is_short:
                self._chunk.add(piece.text, page, block)
                return
        for number, text in enumerate(self._parts(piece)):
            if number or (self._chunk.has_body and not self._chunk.has_room(text, self._size)):
                yield from self._cut()
            self._chunk.add(text, page, block)
            self._chunk.has_body = True

    def _parts(self, piece: Piece) -> Iterable[str]:
        """The piece, cut where it is too long: below headings that have no text yet its parts are shorter."""
        chunk = self._chunk
        room = self._size if chunk.has_body else self._size - chunk.length - len(_GAP)
        return [piece.text] if piece.is_whole else cut_text(piece.text, room)

    def _enter_heading(self, piece: Piece) -> None:
        self._headings = [(level, text) for level, text in self._headings if level < piece.level]
        self._headings.append((piece.level, _shortened(plain_text(piece.text).strip())))
        self._chunk.headings = [text for _, text in self._headings]

    def _cut(self) -> Iterator[Chunk]:
        if self._chunk.texts:
            yield self._chunk
        self._chunk = Chunk([text for _, text in self._headings])


def _pieces(block: PageBlock) -> Iterable[Piece]:
    if block.label in _WHOLE and block.markdown:
        return [Piece(block.markdown, is_whole=True)]
    return split_markdown(block.markdown, unclosed=block.label == "table")


def _boxes(block: PageBlock) -> Sequence[Box]:
    """Where it is on its page: its boxes, or the one around them where they are many."""
    if len(block.boxes) <= _MOST_BOXES:
        return block.boxes
    lefts, uppers, rights, lowers = zip(*block.boxes, strict=True)
    return [(min(lefts), min(uppers), max(rights), max(lowers))]


def _shortened(heading: str) -> str:
    return heading if len(heading) <= _LONGEST_HEADING else f"{heading[: _LONGEST_HEADING - 1].rstrip()}…"
