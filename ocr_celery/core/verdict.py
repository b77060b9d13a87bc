"""Judges a reading by its text, for repetition, truncation and emptiness, and by what its engine doubts of it.

A model that loses its place repeats itself.

The thresholds are heuristics. A page that really repeats itself (a form, a price list) may be called repeating, which
costs a second reading and nothing else, because the best reading is kept.
"""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from ocr_celery.core.reading import Reading


class Verdict(StrEnum):
    """What a reading turned out to be."""

    OK = "ok"
    TRUNCATED = "truncated"  #: max_tokens was reached first
    REPEATING = "repeating"  #: the same text many times in a row
    EMPTY = "empty"  #: no letter or digit
    UNSURE = "unsure"  #: the engine itself doubts a good part of it


_MIN_REPEATS = 10  #: this many repetitions of one or more words …
_MIN_CHARS = 150  #: … of at least this many characters count as repetition
_MIN_REPEATS_COUNTING = 16  #: repetitions, where only numbers change between them, as in "Item 1, Item 2"
_MIN_CHARS_WITHOUT_WORDS = 3000  #: for repetitions without a word: real pages have many empty cells, dots, dashes
_MAX_DOUBTFUL_SHARE = 0.1  #: of the characters; more makes a reading unsure
_RUN_TOKENS = 4  #: tokens compared at once when sequences are looked for
_MAX_PERIODS = 8
_TAG = re.compile(r"<[^<>\s]{1,12}>")
_DET = re.compile(r"<\|det\|>.*?<\|/det\|>", re.DOTALL)
_TOKEN = re.compile(r"<[^<>\s]{1,12}>|[^\W_]+|\S")
#: each character of a script without spaces is a token
_SPACELESS = re.compile(r"([\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff])")
_WITHIN_WORD = re.compile(r"(\S{1,40}?)\1{39,}")


def judge(reading: Reading) -> Verdict:
    """The verdict on a reading. Repeating takes precedence over truncated, which it usually causes, and both over unsure."""
    if not any(map(str.isalnum, re.sub(r"<[^<>]*>", "", _DET.sub("", reading.text)))):
        return Verdict.EMPTY
    if repeated_chars(reading.text):
        return Verdict.REPEATING
    if reading.finish_reason == "length":
        return Verdict.TRUNCATED
    return Verdict.UNSURE if (reading.doubtful_share or 0.0) > _MAX_DOUBTFUL_SHARE else Verdict.OK


def best(readings: Sequence[Reading]) -> Reading:
    """The reading to keep: one that is ok, else the one with most text that is not repetition; the first of equals."""
    return max(readings, key=_rank)


def _rank(reading: Reading) -> tuple[bool, int]:
    return judge(reading) is Verdict.OK, len(reading.text) - repeated_chars(reading.text)


def repeated_chars(text: str) -> int:
    """How many characters of a text repeat what stands directly before them; 0 for a text without such repetition."""
    text = _DET.sub("", text)
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
    """Characters of the longest run of one repeated sequence of tokens that holds at least `words` words."""
    most = 0
    for period in _periods(tokens):
        for begin, end in _runs(tokens, period):
            size = sum(map(len, tokens[begin + period : end]))
            named = sum(any(map(str.isalpha, t)) and not t.startswith("<") for t in tokens[begin : begin + period])
            if named < words and words > 1:
                continue  # a table of figures
            least = _MIN_CHARS if named >= words else _MIN_CHARS_WITHOUT_WORDS
            if (end - begin) // period >= repeats and size >= least:
                most = max(most, size)
    return most


def _periods(tokens: Sequence[str]) -> list[int]:
    """Likely lengths of a repeated sequence, in tokens: the commonest distances between equal runs of a few tokens."""
    last: dict[tuple[str, ...], int] = {}
    distances: Counter[int] = Counter()
    for at in range(len(tokens) - _RUN_TOKENS + 1):
        run = tuple(tokens[at : at + _RUN_TOKENS])
        if run in last:
            distances[at - last[run]] += 1
        last[run] = at
    return [distance for distance, times in distances.most_common(_MAX_PERIODS) if times >= _MIN_REPEATS]


def _runs(tokens: Sequence[str], period: int) -> list[tuple[int, int]]:
    """The ranges (start, end) of tokens in which each token equals the one `period` tokens before it."""
    found, begin = [], 0
    for at in range(period, len(tokens) + 1):
        if at < len(tokens) and tokens[at] == tokens[at - period]:
            continue
        if at - begin > 2 * period:
            found.append((begin, at))
        begin = at - period + 1
    return found
