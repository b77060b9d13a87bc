"""A result as a file: each format is written page by page, so that of a long document few pages are in memory at once.

A page without a text keeps its place in every format, and says why.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ocr_celery.core.blocks import PageBlock
from ocr_celery.core.chunks import DEFAULT_SIZE, Chunk, Chunker
from ocr_celery.core.document import page_mark
from ocr_celery.core.file_type import FileType
from ocr_celery.core.result_page import PENDING, ResultPage
from ocr_celery.errors import OcrError

#: makes harmless HTML of each block of a page
RenderBlocks = Callable[[Sequence[PageBlock]], Sequence[str]]

_ENGINE = "engine"  #: the `source` of a text that was read


@dataclass(frozen=True, slots=True)
class ResultHead:
    """What a file says of the whole."""

    task_id: str
    status: str
    is_document: bool  #: whether it has several pages
    is_partial: bool  #: whether pages are missing
    chunk_size: int = DEFAULT_SIZE  #: characters, see `Chunker`
    table: int = 0  #: the only one that is written, from 1; 0: all
    merge_tables: bool = False  #: whether tables that go on on the next page are joined
    title: str = ""  #: the name of the file that was read, without its suffix


class ResultWriter(Protocol):
    """Writes one result: `begin`, `add` for each page in order, `end`. What they return is written one after the other."""

    def begin(self) -> str:
        """What stands before the pages."""

    def add(self, page: ResultPage) -> str:
        """The next page."""

    def end(self) -> str:
        """What stands behind the pages."""


class _Gap:
    """What stands between two pages: nothing before the first. It is asked for when a page's text is there, not before."""

    def __init__(self, text: str) -> None:
        self._text, self._is_first = text, True

    def next(self) -> str:
        """What stands before the next page."""
        gap = "" if self._is_first else self._text
        self._is_first = False
        return gap


class MarkedText:
    """The pages of a document behind marks in comments, as in its answer; an image's text alone. `text`: that of a page."""

    def __init__(self, head: ResultHead, text: Callable[[ResultPage], str]) -> None:
        self._has_marks, self._text = head.is_document, text
        self._gap = _Gap("\n\n")

    def begin(self) -> str:
        """Nothing."""
        return ""

    def add(self, page: ResultPage) -> str:
        """The next page, with its mark where it has one."""
        text = self._text(page)
        if page.missing:
            return self._gap.next() + page_mark(page.number, page.missing)
        return self._gap.next() + (f"{page_mark(page.number)}\n\n" if self._has_marks else "") + text

    def end(self) -> str:
        """The end of the last line."""
        return "\n"


class PlainText:
    """Text without markup, a form feed between pages; a page without a text says why in brackets."""

    def __init__(self, _: ResultHead) -> None:
        self._gap = _Gap("\f")

    def begin(self) -> str:
        """Nothing."""
        return ""

    def add(self, page: ResultPage) -> str:
        """The next page."""
        text = "\n\n".join(block.text for block in page.blocks() if block.text).replace("\f", "\n")
        if page.missing:
            text = f"[page {page.number}: {page.missing}]"
        return f"{self._gap.next()}{text}\n"

    def end(self) -> str:
        """Nothing."""
        return ""


class PagesAsJson:
    """An object with the list `pages`, each with its blocks. `render`: gives each of them HTML, not only those with tables."""

    def __init__(self, head: ResultHead, render: RenderBlocks | None = None) -> None:
        self._head, self._render = head, render
        self._gap = _Gap(",")

    def begin(self) -> str:
        """What is said of the whole, up to the list."""
        return json_head(self._head, "pages")

    def add(self, page: ResultPage) -> str:
        """The next page."""
        text = to_json(_page_dict(page, self._render))
        return f"{self._gap.next()}\n{text}"

    def end(self) -> str:
        """The end of the list and of the object."""
        return "\n]}\n"


class ChunksAsJson:
    """An object with the list `chunks`, and then the pages that are missing."""

    def __init__(self, head: ResultHead) -> None:
        self._head, self._chunker = head, Chunker(head.chunk_size)
        self._gap = _Gap(",")
        self._written = 0
        self._lines: list[str] = []  # complete, and not handed out yet
        self._missing: list[dict[str, Any]] = []

    def begin(self) -> str:
        """What is said of the whole, up to the list."""
        return json_head(self._head, "chunks")

    def add(self, page: ResultPage) -> str:
        """The chunks that are complete with the next page."""
        if page.missing:
            self._missing.append({"page": page.number, "code": page.missing})
        return self._taken(self._chunker.add(page.number, page.blocks()))

    def end(self) -> str:
        """The last chunk, and the end of the object."""
        return f'{self._taken(self._chunker.end())}\n], "missing_pages": {to_json(self._missing)}}}\n'

    def _taken(self, chunks: Iterable[Chunk]) -> str:
        """These chunks, behind those that were complete when a page before could not be written."""
        for chunk in chunks:
            text = to_json(chunk.as_dict(self._written + 1))
            self._lines.append(f"{self._gap.next()}\n{text}")
            self._written += 1
        taken, self._lines = self._lines, []
        return "".join(taken)


def json_head(head: ResultHead, name: str) -> str:
    """The beginning of a JSON object, up to the beginning of its list `name`."""
    about = {"task_id": head.task_id, "status": head.status, "partial": head.is_partial}
    return f'{to_json(about)[:-1]}, "{name}": ['


def to_json(value: Any) -> str:
    """Compact JSON on one line; text is not escaped beyond need."""
    return json.dumps(value, ensure_ascii=False)


def _page_dict(page: ResultPage, render: RenderBlocks | None) -> dict[str, Any]:
    if isinstance(page.result, OcrError):
        return {"page": page.number, "status": "failed", "code": page.result.code, "error": page.result.message}
    if page.result is None:
        return {"page": page.number, "status": PENDING}
    width, height = page.size
    return {
        "page": page.number,
        "status": "completed",
        "width": width,
        "height": height,
        "verdict": page.result.get("verdict"),
        "source": page.result.get("source", _ENGINE),
        "blocks": _block_dicts(page.blocks(), render),
    }


def _block_dicts(blocks: Sequence[PageBlock], render: RenderBlocks | None) -> list[dict[str, Any]]:
    found = [block.as_dict() for block in blocks]
    return [{**block, "html": html} for block, html in zip(found, render(blocks), strict=True)] if render else found


@dataclass(frozen=True, slots=True)
class ResultFormat(FileType):
    """A kind of file that is text."""

    writer: Callable[[ResultHead], ResultWriter]


#: by the name that callers use
FORMATS: Mapping[str, ResultFormat] = {
    "md": ResultFormat(
        "text/markdown; charset=utf-8", ".md", lambda head: MarkedText(head, lambda page: page.markdown)
    ),
    "text": ResultFormat("text/plain; charset=utf-8", ".txt", PlainText),
    "json": ResultFormat("application/json", ".json", PagesAsJson),
    "chunks": ResultFormat("application/json", ".chunks.json", ChunksAsJson),
    "raw": ResultFormat("text/plain; charset=utf-8", ".raw.txt", lambda head: MarkedText(head, lambda page: page.raw)),
}
