"""What a reading is worth, by its text alone: a model that loses its place repeats itself until something stops it.

The thresholds are a judgement: a page that really repeats itself (a form, a price list) may be called repeating, which
costs a second reading and nothing else, since the best reading is kept.
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from ocr_celery.core.reading import Reading


class Verdict(StrEnum):
    """There are no others."""

    OK = "ok"
    TRUNCATED = "truncated"  #: max_tokens ended it
    REPEATING = "repeating"  #: it goes round in circles
    EMPTY = "empty"  #: there is nothing to read in it


_MIN_REPEATS = 10  #: how often words must follow upon themselves …
_MIN_CHARS = 150  #: … and how many characters that must take up
_MIN_REPEATS_COUNTING = 16  #: the same for words between which only numbers change, as in "Item 1, Item 2"
_MIN_CHARS_WITHOUT_WORDS = (
    3000  #: characters for what has no words: empty cells, dots, dashes, which real pages have many of
)
_FEW, _MAX_PERIODS = 4, 8
_TAG = re.compile(r"<[^<>\s]{1,12}>")
_PLACES = re.compile(r"<\|det\|>.*?<\|/det\|>", re.DOTALL)
_TOKEN = re.compile(r"<[^<>\s]{1,12}>|[^\W_]+|\S")
#: characters of scripts that are written without spaces are tokens of their own
_SPACELESS = re.compile(r"([\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff])")
_WITHIN_WORD = re.compile(r"(\S{1,40}?)\1{39,}")


def judge(reading: Reading) -> Verdict:
    """The verdict on a reading. Repeating goes before truncated, which it usually causes."""
    if not any(map(str.isalnum, re.sub(r"<[^<>]*>", "", _PLACES.sub("", reading.text)))):
        return Verdict.EMPTY
    if repeated_chars(reading.text):
        return Verdict.REPEATING
    return Verdict.TRUNCATED if reading.finish_reason == "length" else Verdict.OK


def best(readings: Sequence[Reading]) -> Reading:
    """The one to keep: a good one, else the one with most text that is not said again and again; of equals the first."""
    return max(readings, key=_rank)


def _rank(reading: Reading) -> tuple[bool, int]:
    return judge(reading) is Verdict.OK, len(reading.text) - repeated_chars(reading.text)


def repeated_chars(text: str) -> int:
    """How many characters of a text only say again what stands directly before them; 0 if it does not go in circles."""
    text = _PLACES.sub("", text)
    tokens = _TOKEN.findall(_SPACELESS.sub(r" \1 ", text))
    return max(
        _repeated_within_words(_TAG.sub(" ", text)),
        _longest_repetition(tokens, _MIN_REPEATS),
        _longest_repetition(["0" if token.isdecimal() else token for token in tokens], _MIN_REPEATS_COUNTING, words=3),
    )


def _repeated_within_words(text: str) -> int:
    found = (m for m in _WITHIN_WORD.finditer(text) if any(map(str.isalnum, m[1])))
    return max((size for m in found if (size := len(m[0]) - len(m[1])) >= _MIN_CHARS), default=0)


def _longest_repetition(tokens: Sequence[str], repeats: int, *, words: int = 1) -> int:
    """Characters of the longest run in which a circle of tokens, so many of them words, follows upon itself."""
    most = 0
    for period in _periods(tokens):
        for begin, end in _runs(tokens, period):
            size = sum(map(len, tokens[begin + period : end]))
            named = sum(any(map(str.isalpha, t)) and not t.startswith("<") for t in tokens[begin : begin + period])
            if named < words and words > 1:
                continue  # a table of figures is no counting
            least = _MIN_CHARS if named >= words else _MIN_CHARS_WITHOUT_WORDS
            if (end - begin) // period >= repeats and size >= least:
                most = max(most, size)
    return most


def _periods(tokens: Sequence[str]) -> list[int]:
    """How long a circle may be, in tokens: the usual distances at which a few tokens in a row come again."""
    last: dict[tuple[str, ...], int] = {}
    distances: Counter[int] = Counter()
    for at in range(len(tokens) - _FEW + 1):
        few = tuple(tokens[at : at + _FEW])
        if few in last:
            distances[at - last[few]] += 1
        last[few] = at
    return [distance for distance, times in distances.most_common(_MAX_PERIODS) if times >= _MIN_REPEATS]


def _runs(tokens: Sequence[str], period: int) -> list[tuple[int, int]]:
    """The stretches (from, to) in which every token is the one `period` tokens before it, that one included."""
    found, begin = [], 0
    for at in range(period, len(tokens) + 1):
        if at < len(tokens) and tokens[at] == tokens[at - period]:
            continue
        if at - begin > 2 * period:
            found.append((begin, at))
        begin = at - period + 1
    return found
