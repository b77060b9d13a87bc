"""The pages that a caller selects, "1-5,8,r3-r1,all": from 1, `r` counts from the end. Pages beyond the last are left out.

Nothing is guessed: page 0 and ranges that run backwards are refused, since other services count from 0.
"""

import re
from collections.abc import Iterator

from ocr_celery.errors import BadPageRange

MAX_LENGTH = 10_000  #: characters
_PART = re.compile(r"(r?)([0-9]{1,9})(?:-(r?)([0-9]{1,9}))?", re.ASCII)
_SHOWN = 60  #: characters of a text that stand in a message

#: first and last page; a page from the end has a negative number, as in Python
Span = tuple[int, int]


def parse_page_range(text: str, pages: int) -> list[int]:
    """The numbers of the selected pages of a file of this many, ascending, each once. "" selects all.

    Raises `BadPageRange`, also if no page is selected.
    """
    spans = sorted(_resolve(span, pages) for span in _spans(text))
    numbers: list[int] = []
    for first, last in spans:
        start = max(first, numbers[-1] + 1 if numbers else 1)
        numbers += range(start, min(last, pages) + 1)
    if not numbers:
        raise BadPageRange(f"The page range {_shown(text)} selects no page of this file, which has {pages}.")
    return numbers


def check_page_range(text: str) -> None:
    """Raise `BadPageRange` for what no file accepts, before the number of pages is known."""
    for _ in _spans(text):
        pass


def _spans(text: str) -> Iterator[Span]:
    if len(text) > MAX_LENGTH:
        raise BadPageRange(f"The page range has {len(text)} characters; at most {MAX_LENGTH} are accepted.")
    for part in text.lower().split(",") if text.strip() else ["all"]:
        yield _span(part.strip(), text)


def _span(part: str, text: str) -> Span:
    if part == "all":
        return 1, -1
    found = _PART.fullmatch(part)
    if not found:
        raise BadPageRange(
            f"The page range {_shown(text)} is not of the form 1-5,8,r3-r1,all; pages count from 1, and r1 is the last."
        )
    first = _number(found[1], found[2], text)
    last = _number(found[3], found[4], text) if found[4] else first
    if (first < 0) == (last < 0) and first > last:
        raise BadPageRange(
            f"The page range {_shown(text)} runs backwards in {_shown(part)}; write the lower page first."
        )
    return first, last


def _number(from_end: str, digits: str, text: str) -> int:
    number = int(digits)
    if not number:
        raise BadPageRange(f"The page range {_shown(text)} has a page 0; pages count from 1, and r1 is the last.")
    return -number if from_end else number


def _resolve(span: Span, pages: int) -> Span:
    first, last = (number if number > 0 else pages + 1 + number for number in span)
    return first, last


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
