"""A document is a set of pages: which of a file's pages, under which ids, how far they are, and what they make together.

The ids follow from the document's, so that a document that is opened twice has the same pages.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid5

from ocr_celery.core.page_range import parse_page_range
from ocr_celery.core.status import Status
from ocr_celery.core.verdict import Verdict
from ocr_celery.errors import OcrError, ResultTooLarge

#: most characters of a document's text. Redis and its readers hold the whole text in memory. JSON takes up to twelve bytes for a
#: character, so that the result stays below the 512 MB that a value in Redis may have. A thousand pages of 8,000 characters fit.
MAX_TEXT = 16_000_000
_NAMESPACE = UUID("6c7c5f4e-3a52-5d0b-9b1a-0a6f0c1d2e3f")
_SUMS = ("readings", "prompt_tokens", "output_tokens")
_PHASES = ("waited", "prepared", "read")
#: what makes the text of a whole document doubtful, the most serious first
_DOUBTS = (Verdict.REPEATING, Verdict.TRUNCATED, Verdict.UNSURE)


def page_id(document_id: str, number: int) -> str:
    """The task id of a document's page."""
    return str(uuid5(_NAMESPACE, f"{document_id}/{number}"))


@dataclass(frozen=True, slots=True)
class PageSet:
    """The pages of a file that make a document."""

    in_file: int  #: pages
    range: str  #: those that were selected, as `format_page_range` writes them

    @classmethod
    def of(cls, numbers: Sequence[int], in_file: int) -> Self:
        """The set of these pages, given in ascending order."""
        return cls(in_file, format_page_range(numbers))

    @property
    def numbers(self) -> list[int]:
        """The numbers of its pages, ascending, from 1."""
        return parse_page_range(self.range, self.in_file)

    def ids(self, document_id: str) -> list[str]:
        """The task ids of its pages, in their order."""
        return [page_id(document_id, number) for number in self.numbers]

    def as_json(self) -> str:
        """As it stands in the document's record."""
        return json.dumps({"in_file": self.in_file, "range": self.range})

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The set that a record names. Raises `ValueError` or `TypeError` for anything else."""
        fields = json.loads(text)
        if not isinstance(fields, dict) or type(fields.get("in_file")) is not int:
            raise TypeError("it is no set of pages")
        found = cls(fields["in_file"], str(fields.get("range")))
        try:
            found.numbers  # noqa: B018  (a record may hold anything)
        except OcrError as exc:
            raise ValueError(exc.message) from None
        return found


def format_page_range(numbers: Sequence[int]) -> str:
    """Ascending page numbers as a page range, "1-5,8"."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


@dataclass(frozen=True, slots=True)
class FailedPage:
    """A page that could not be read."""

    page: int
    code: str
    error: str  #: a sentence

    def as_dict(self) -> dict[str, Any]:
        """As results and answers show it."""
        return {"page": self.page, "code": self.code, "error": self.error}


@dataclass(frozen=True, slots=True)
class DocumentProgress:
    """How many pages of a document stand where, and which failed."""

    pages: PageSet
    counts: Mapping[Status, int]
    failed: tuple[FailedPage, ...] = ()

    @property
    def total(self) -> int:
        """How many pages it has."""
        return sum(self.counts.values())

    @property
    def is_partial(self) -> bool:
        """Whether pages are missing though some were read and no more are to come."""
        counts = self.counts
        open_pages = counts.get(Status.PENDING, 0) + counts.get(Status.PROCESSING, 0)
        return not open_pages and bool(counts.get(Status.FAILED)) and bool(counts.get(Status.COMPLETED))

    def as_dict(self) -> dict[str, Any]:
        """The counts as results and answers show them."""
        shown = (Status.COMPLETED, Status.FAILED, Status.PROCESSING, Status.PENDING)
        counts = {str(status): self.counts.get(status, 0) for status in shown}
        return {"in_file": self.pages.in_file, "range": self.pages.range, "total": self.total, **counts}


@dataclass(frozen=True, slots=True)
class PageResult:
    """What became of one page: its result dict, or why it failed."""

    number: int
    result: Mapping[str, Any] | OcrError


def bounded_results(results: Iterable[PageResult], *, most: int = MAX_TEXT) -> list[PageResult]:
    """All of these results. Raises `ResultTooLarge`, before it takes more, once they have more than `most` characters."""
    taken: list[PageResult] = []
    for page in results:
        if not isinstance(page.result, OcrError):
            most -= len(str(page.result["text"]))
        if most < 0:
            raise ResultTooLarge
        taken.append(page)
    return taken


def assemble(pages: PageSet, results: Sequence[PageResult]) -> dict[str, Any]:
    """The result dict of a document whose pages, given in their order, are all final; at least one of them was read.

    `text` has each page behind a line with its number; one that failed keeps its place. `spans` says where the text of each
    page that was read lies in it: (number, first character, end). `text_layer_pages`, where there are any: those whose text is
    the file's own. `cached_pages`, where there are any: how many were answered from the page cache.
    """
    parts: list[str] = []
    spans: list[list[int]] = []
    at = 0
    for page in results:
        head, text = _marked(page)
        if text is not None:
            spans.append([page.number, at + len(head), at + len(head) + len(text)])
        parts.append(head + (text or ""))
        at += len(parts[-1]) + 2
    read = [page.result for page in results if not isinstance(page.result, OcrError)]
    failed = failed_pages(results)
    counts = {Status.COMPLETED: len(read), Status.FAILED: len(failed)}
    whole = DocumentProgress(pages, counts, failed)
    own = [page.number for page in results if _is_own_text(page.result)]
    return {
        "text": "\n\n".join(parts),
        "spans": spans,
        **_summary(read),
        "pages": whole.as_dict(),
        "failed_pages": [page.as_dict() for page in failed],
        "partial": whole.is_partial,
        **({"text_layer_pages": own} if own else {}),
        **({"cached_pages": cached} if (cached := sum(bool(page.get("cached")) for page in read)) else {}),
        **({"fonts_missing": True} if any(page.get("fonts_missing") for page in read) else {}),
    }


def _is_own_text(result: Mapping[str, Any] | OcrError) -> bool:
    return not isinstance(result, OcrError) and result.get("source") == "text_layer"


def failed_pages(results: Iterable[PageResult]) -> tuple[FailedPage, ...]:
    """Those of these pages that failed."""
    return tuple(
        FailedPage(page.number, page.result.code, page.result.message)
        for page in results
        if isinstance(page.result, OcrError)
    )


def page_texts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The text of a document's result in pieces: (what stands before a page, the page's text); the last has no page.

    Raises `LookupError`, `TypeError` or `ValueError` where the result is none of a document.
    """
    text, pieces, at = result["text"], [], 0
    for _, start, end in result["spans"]:
        pieces.append((text[at:start], text[start:end]))
        at = end
    return [*pieces, (text[at:], "")]


def page_mark(number: int, missing: str = "") -> str:
    """The line before a page of a document, or in place of its text. `missing`: why there is none."""
    return f"<!-- page {number}: {missing} -->" if missing else f"<!-- page {number} -->"


def _marked(page: PageResult) -> tuple[str, str | None]:
    """The line before a page, and its text; None where it failed."""
    if isinstance(page.result, OcrError):
        return page_mark(page.number, page.result.code), None
    return f"{page_mark(page.number)}\n\n", str(page.result["text"])


def _summary(read: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the results of the pages say together: sums, the worst verdict, and the engine."""
    verdicts = Counter(page.get("verdict") for page in read)
    seconds = [page.get("seconds") or {} for page in read]
    return {
        "verdict": document_verdict(verdicts).value,
        "finish_reason": "length" if any(page.get("finish_reason") == "length" for page in read) else "stop",
        **{name: sum(page.get(name) or 0 for page in read) for name in _SUMS},
        **{name: next((page[name] for page in read if page.get(name)), "") for name in ("engine", "model")},
        "seconds": {name: round(sum(each.get(name) or 0 for each in seconds), 3) for name in _PHASES},
        **_doubtful_share(read),
    }


def _doubtful_share(read: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The share of all pages whose engine says theirs, longer texts counting more."""
    told = [(page["doubtful_share"], len(page["text"])) for page in read if page.get("doubtful_share") is not None]
    characters = sum(length for _, length in told)
    return {"doubtful_share": round(sum(s * n for s, n in told) / max(1, characters), 3)} if told else {}


def document_verdict(verdicts: Mapping[Any, int]) -> Verdict:
    """The verdict on a document, from how many of its pages have which: empty only where every page is."""
    found = next((verdict for verdict in _DOUBTS if verdicts.get(verdict.value)), None)
    if found is not None:
        return found
    return Verdict.OK if any(n for verdict, n in verdicts.items() if verdict != Verdict.EMPTY.value) else Verdict.EMPTY
