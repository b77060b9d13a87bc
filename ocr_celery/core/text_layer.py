"""Decides from counts what the text that a file carries for a page (its text layer) may be used for.

A layer may be wrong: OCR by an old scanner, fonts without a ToUnicode table, hidden text, a stamp on a scan. So it is used
only as far as the page's picture agrees with it. The shares below leave room for
what every good page has: a few symbols without a name, figures, rules. They tell "nearly all" from "many are not".
"""

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocr_celery.errors import EngineFailed, EngineKilled, GivenUp, Internal, OcrError, PageDeadline, WorkerKilled

if TYPE_CHECKING:
    from ocr_celery.core.page import Page

#: errors of the page or of the engine; others are the caller's, who can do something about them, or no end of the page
_STANDS_IN_FOR = (EngineFailed, EngineKilled, WorkerKilled, PageDeadline, GivenUp, Internal)
_NEARLY_ALL = 0.95
_MOST = 0.5
_MISSING = 0.1  #: of the characters sampled: fewer are a stray symbol, not a script without a font
_FEWEST = 20  #: letters and digits; a layer of fewer does not take the engine's place, whose page is read fast anyway
_UNREADABLE = frozenset({"Cc", "Co", "Cn", "Cs"})  #: control, private use, unassigned, half of a surrogate pair
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLayer:
    """What a file itself says of the text of a page."""

    text: str = ""  #: paragraphs, a blank line between them; "" where it cannot be used
    plausible: bool = False  #: it may be used without reading the page
    fonts_missing: bool = False  #: the page's picture lacks text, because this machine has no fonts for it


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCounts:
    """What was counted in a text layer and in the picture of its page."""

    characters: int  #: visible ones, unreadable ones included
    words: int  #: letters and digits among them
    unreadable: int  #: without a meaning, see `count_characters`
    sampled: int  #: letters and digits whose places were looked at
    inked: int  #: of these: something is drawn at their place
    fontless: int  #: of these: nothing is drawn, since their font is neither in the file nor on this machine
    unmapped: int = 0  #: of these: the file does not say which character it is
    drawn: int = 0  #: areas of the picture in which something is drawn
    explained: int = 0  #: of these: the layer has text there
    sideways: int = 0  #: characters in lines that do not run from left to right; their order is not known
    drawn_beside: bool = False  #: the picture shows text that is in no layer: filled-in forms, notes


def replaces_reading(page: "Page", use: str) -> bool:
    """Whether the page's own text is taken and no engine sees the page. `use`: the option `text_layer`.

    So is that of a page for which fonts are missing: an engine would read a picture without the text.
    """
    if use == "ignore" or not page.text_layer:
        return False
    return page.fonts_missing or (use == "prefer" and page.text_plausible)


def may_stand_in_for(error: OcrError) -> bool:
    """Whether a page that has this error may have its own text as its result."""
    return isinstance(error, _STANDS_IN_FOR)


def count_characters(text: str) -> tuple[int, int, int]:
    """How many visible characters a text has, how many of them are letters or digits, and how many mean nothing to a reader."""
    visible = "".join(text.split())
    words = sum(map(str.isalnum, visible))
    doubtful = visible if not visible.isprintable() else _REPLACEMENT * visible.count(_REPLACEMENT)
    unreadable = sum(c == _REPLACEMENT or unicodedata.category(c) in _UNREADABLE for c in doubtful)
    return len(visible), words, unreadable


def lacks_fonts(counts: LayerCounts) -> bool:
    """Whether the picture lacks text that the file has, for want of fonts."""
    return counts.fontless > 0 and counts.fontless >= _MISSING * counts.sampled


def is_usable(counts: LayerCounts) -> bool:
    """Whether the text may stand in for a page that could not be read.

    Its characters have a meaning, and most are seen in the picture, or would be with the fonts.
    """
    readable, mapped = counts.characters - counts.unreadable, counts.sampled - counts.unmapped
    return (
        counts.sampled > 0
        and readable >= _NEARLY_ALL * counts.characters
        and mapped >= _NEARLY_ALL * counts.sampled
        and counts.inked + counts.fontless >= _MOST * counts.sampled
    )


def is_plausible(counts: LayerCounts) -> bool:
    """Whether the text may be used without reading the page.

    All of it is seen, in an order that is known, and most of what is seen is in it.
    """
    return (
        is_usable(counts)
        and not lacks_fonts(counts)
        and not counts.drawn_beside
        and counts.words >= _FEWEST
        and counts.sideways <= (1 - _NEARLY_ALL) * counts.characters
        and counts.inked >= _NEARLY_ALL * counts.sampled
        and counts.explained >= _MOST * counts.drawn
    )


def judge_layer(text: str, counts: LayerCounts) -> TextLayer:
    """The layer, with its text where that can be used."""
    return TextLayer(
        text=text if is_usable(counts) else "",
        plausible=is_plausible(counts),
        fonts_missing=lacks_fonts(counts),
    )
