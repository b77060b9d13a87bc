"""A result as a file: each format is written page by page, so that of a long document few pages are in memory at once.

A page without a text keeps its place in every format, and says why.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ocr_celery.core.blocks import PageBlock, page_blocks
from ocr_celery.core.chunks import DEFAULT_SIZE, Chunk, Chunker
from ocr_celery.core.document import page_mark
from ocr_celery.core.markdown import to_markdown
from ocr_celery.errors import OcrError

_ENGINE = "engine"  #: the `source` of a text that was read
_PENDING = "pending"  #: what is said of a page that is not final


@dataclass(frozen=True, slots=True)
class ResultPage:
    """What became of one page: its result dict, why it failed, or None while it is not final."""

    number: int  #: from 1
    result: Mapping[str, Any] | OcrError | None

    @property
    def missing(self) -> str:
        """Why it has no text: a code; "" where it has one."""
        if isinstance(self.result, OcrError):
            return self.result.code
        return _PENDING if self.result is None else ""

    @property
    def raw(self) -> str:
        """The text as the engine wrote it; "" where it has none."""
        return str(self.result["text"]) if isinstance(self.result, Mapping) else ""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the upright page; (0, 0) where they are not known."""
        found = self.result if isinstance(self.result, Mapping) else {}
        width, height = found.get("width"), found.get("height")
        return (width, height) if type(width) is int and type(height) is int else (0, 0)

    def blocks(self) -> list[PageBlock]:
        """Its blocks in reading order."""
        width, height = self.size
        return page_blocks(self.raw, width=width, height=height)


@dataclass(frozen=True, slots=True)
class ResultHead:
    """What a file says of the whole."""

    task_id: str
    status: str
    is_document: bool  #: whether it has several pages
    is_partial: bool  #: whether pages are missing
    chunk_size: int = DEFAULT_SIZE  #: characters, see `Chunker`


class ResultWriter(Protocol):
    """Writes one result: `begin`, `add` for each page in order, `end`. What they return is written one after the other."""

    def begin(self) -> str:
        """What stands before the pages."""

    def add(self, page: ResultPage) -> str:
        """The next page."""

    def end(self) -> str:
        """What stands behind the pages."""


class MarkedText:
    """The pages of a document behind marks in comments, as in its answer; an image's text alone. `text`: that of a page."""

    def __init__(self, head: ResultHead, text: Callable[[str], str]) -> None:
        self._marks, self._text, self._is_first = head.is_document, text, True

    def begin(self) -> str:
        """Nothing."""
        return ""

    def add(self, page: ResultPage) -> str:
        """The next page, with its mark where it has one."""
        gap, self._is_first = "" if self._is_first else "\n\n", False
        if page.missing:
            return gap + page_mark(page.number, page.missing)
        return gap + (f"{page_mark(page.number)}\n\n" if self._marks else "") + self._text(page.raw)

    def end(self) -> str:
        """The end of the last line."""
        return "\n"


class PlainText:
    """Text without markup, a form feed between pages; a page without a text says why in brackets."""

    def __init__(self, _: ResultHead) -> None:
        self._is_first = True

    def begin(self) -> str:
        """Nothing."""
        return ""

    def add(self, page: ResultPage) -> str:
        """The next page."""
        gap, self._is_first = "" if self._is_first else "\f", False
        if page.missing:
            return f"{gap}[page {page.number}: {page.missing}]\n"
        text = "\n\n".join(block.text for block in page.blocks() if block.text)
        return gap + text.replace("\f", "\n") + "\n"

    def end(self) -> str:
        """Nothing."""
        return ""


class PagesAsJson:
    """An object with the list `pages`, each with its blocks."""

    def __init__(self, head: ResultHead) -> None:
        self._head, self._is_first = head, True

    def begin(self) -> str:
        """What is said of the whole, up to the list."""
        return json_head(self._head, "pages")

    def add(self, page: ResultPage) -> str:
        """The next page."""
        gap, self._is_first = "" if self._is_first else ",", False
        return f"{gap}\n{to_json(_page_dict(page))}"

    def end(self) -> str:
        """The end of the list and of the object."""
        return "\n]}\n"


class ChunksAsJson:
    """An object with the list `chunks`, and then the pages that are missing."""

    def __init__(self, head: ResultHead) -> None:
        self._head, self._chunker = head, Chunker(head.chunk_size)
        self._written = 0
        self._missing: list[dict[str, Any]] = []

    def begin(self) -> str:
        """What is said of the whole, up to the list."""
        return json_head(self._head, "chunks")

    def add(self, page: ResultPage) -> str:
        """The chunks that are complete with the next page."""
        if page.missing:
            self._missing.append({"page": page.number, "code": page.missing})
        return self._lines(self._chunker.add(page.number, page.blocks()))

    def end(self) -> str:
        """The last chunk, and the end of the object."""
        return f'{self._lines(self._chunker.end())}\n], "missing_pages": {to_json(self._missing)}}}\n'

    def _lines(self, chunks: Iterable[Chunk]) -> str:
        lines = []
        for chunk in chunks:
            self._written += 1
            lines.append(("" if self._written == 1 else ",") + "\n" + to_json(chunk.as_dict(self._written)))
        return "".join(lines)


def json_head(head: ResultHead, name: str) -> str:
    """The beginning of a JSON object, up to the beginning of its list `name`."""
    about = {"task_id": head.task_id, "status": head.status, "partial": head.is_partial}
    return f'{to_json(about)[:-1]}, "{name}": ['


def to_json(value: Any) -> str:
    """Compact JSON on one line; text is not escaped beyond need."""
    return json.dumps(value, ensure_ascii=False)


def _page_dict(page: ResultPage) -> dict[str, Any]:
    if isinstance(page.result, OcrError):
        return {"page": page.number, "status": "failed", "code": page.result.code, "error": page.result.message}
    if page.result is None:
        return {"page": page.number, "status": _PENDING}
    width, height = page.size
    return {
        "page": page.number,
        "status": "completed",
        "width": width,
        "height": height,
        "verdict": page.result.get("verdict"),
        "source": page.result.get("source", _ENGINE),
        "blocks": [block.as_dict() for block in page.blocks()],
    }


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """A kind of file."""

    media_type: str  #: with the charset where it is text
    suffix: str  #: of its name
    writer: Callable[[ResultHead], ResultWriter]


#: by the name that callers use
FORMATS: Mapping[str, ResultFormat] = {
    "md": ResultFormat("text/markdown; charset=utf-8", ".md", lambda head: MarkedText(head, to_markdown)),
    "text": ResultFormat("text/plain; charset=utf-8", ".txt", PlainText),
    "json": ResultFormat("application/json", ".json", PagesAsJson),
    "chunks": ResultFormat("application/json", ".chunks.json", ChunksAsJson),
    "raw": ResultFormat("text/plain; charset=utf-8", ".raw.txt", lambda head: MarkedText(head, str)),
}
