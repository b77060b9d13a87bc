"""What the words of a line say of the line: running text, figures, or text that goes on in the next line.

Both scripts count: words for those with spaces, characters for those without. Case is known for the former only.
"""

import itertools
import re
from collections.abc import Sequence

from ocr_celery.core.line_joining import is_cjk

_MIN_WORDS, _MIN_CJK = 4, 9  #: of a line of running text
_MIN_OPEN_CHARS = 12  #: a shorter line ends where it ends, with or without a full stop
_FULL_STOPS = '.!?:;。！？：；)）]」”"'
_CJK_COMMAS = ("，", "、")
_WORD = re.compile(r"[^\W\d_]{2,}")
_HYPHENATED = re.compile(r"[^\W\d_]-$")
_LEADERS = re.compile(r"(?:[.·…_]\s?){4,}|\s?[.·…]$|^[.·…]")  #: the detector cuts most of them off
_PAGE_NUMBER = re.compile(r"[.·…\s]*(\d{1,4})\s*$")
_DATE = re.compile(
    r"(?<!\d)(?:\d{4}([./-])\d{1,2}\1\d{1,2}|\d{1,2}([./-])\d{1,2}\2(?:\d{2}|\d{4}))(?!\d)|\d年\s?\d{1,2}月"
)
_COUNTER = re.compile(r"[(\[]?(\d{1,4})[.)\]:]?$")


def is_running_text(text: str) -> bool:
    """Whether a line consists of several words."""
    solid = "".join(text.split())
    if sum(map(str.isalpha, solid)) < 0.6 * len(solid):
        return False
    return sum(map(is_cjk, solid)) >= _MIN_CJK or len(_WORD.findall(text)) >= _MIN_WORDS


def is_figure(text: str) -> bool:
    """Whether a text is mostly digits: an amount, a date, a share."""
    letters = sum(map(str.isalnum, text))
    return letters > 0 and sum(map(str.isdigit, text)) >= 0.4 * letters


def has_date(text: str) -> bool:
    """Whether a date in digits is in a text, such as 09/01/2015 or 2015年9月1日."""
    return bool(_DATE.search(text))


def continues(above: str, below: str) -> bool:
    """Whether a text goes on in the next one: a broken word, or no full stop and a small letter."""
    above, below = above.rstrip(), below.lstrip()
    if not above or not below[:1].islower():
        return False
    return bool(_HYPHENATED.search(above)) or (len(above) >= _MIN_OPEN_CHARS and above[-1] not in _FULL_STOPS)


def ends_sentence(text: str) -> bool:
    """Whether a text ends with what may end a sentence."""
    return text.rstrip().endswith(tuple(_FULL_STOPS))


def goes_on(above: str, below: str) -> bool:
    """Whether a sentence certainly goes on in the next line: running text, or text up to a comma.

    After a Latin comma the next line begins with a small letter; else it may be the next line of an address.
    """
    if above.rstrip().endswith(_CJK_COMMAS):
        return True
    return (is_running_text(above) or above.rstrip().endswith(",")) and continues(above, below)


def continuing_share(texts: Sequence[str]) -> float:
    """The share of texts that the text before them goes on in."""
    texts = [text for text in texts if text.strip()]
    return sum(map(continues, texts, texts[1:])) / max(1, len(texts) - 1)


def is_contents(columns: Sequence[Sequence[str]]) -> bool:
    """Whether columns of texts are a table of contents: dots lead to page numbers, which never fall."""
    last = columns[-1] if columns else []
    numbers = [int(found[1]) for text in last if (found := _PAGE_NUMBER.match(text))]
    led = sum(bool(_LEADERS.search(text)) for column in columns for text in column)
    return len(numbers) >= max(3, 0.8 * len(last)) and led >= 0.2 * len(numbers) and numbers == sorted(numbers)


def is_counted(texts: Sequence[str]) -> bool:
    """Whether these texts count upwards one by one: the numbers of lines, notes or items."""
    numbers = [int(found[1]) for text in texts if (found := _COUNTER.match(text.strip()))]
    steps = sum(b - a == 1 for a, b in itertools.pairwise(numbers))
    return len(numbers) >= 3 and len(numbers) >= 0.7 * len(texts) and steps >= 0.7 * (len(numbers) - 1)
