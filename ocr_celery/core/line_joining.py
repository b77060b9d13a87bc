"""Joins lines to running text: words broken at a line's end are mended, scripts without spaces get none."""

import re

_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


def is_cjk(character: str) -> bool:
    """Whether the character belongs to a script written without spaces (Chinese, Japanese, Korean)."""
    return _CJK.match(character) is not None


def is_broken_word(first: str, second: str) -> bool:
    """Whether a hyphen breaks a word at the end of the first text, and the second goes on with it."""
    return first[-1:] == "-" and first[-2:-1].isalpha() and second[:1].islower()


def join_lines(first: str, second: str) -> str:
    """Two lines of one paragraph as running text: words broken at the line end are mended, CJK gets no space."""
    if not first or not second:
        return first or second
    if is_broken_word(first, second):
        return first[:-1] + second
    return first + second if is_cjk(first[-1]) and is_cjk(second[0]) else f"{first} {second}"
