r"""Takes the markup out of the markdown of a page: the exact reverse of `markdown.escape`, and what a reader sees of a model's.

Formulas (``\(…\)``, ``\[…\]``) stay as they are written. Brackets that only were escaped are told from a formula by its content:
one has commands, braces or powers.
"""

import html
import re

from ocr_celery.core.html_entities import ENTITY

# no possessive quantifier behind a group with a look-ahead: Python 3.11.2 finds nothing with it
_MARKUP = re.compile(
    r"(?P<formula>\\\((?:(?!\\[()]).)*\\\))"
    r"|\\\[(?P<bracketed>(?:(?!\\[\[\]])[\s\S])*)\\\]"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<(?P<tag>/?(?:b|i|u|s|em|strong|sup|sub|br|center|p|div|span|li|ul|ol|h[1-6]|table|tr|td|th))(?:\s++(?=[^<>=]*+=)[^<>]*+|\s*+/?)>"
    rf"|(?P<entity>{ENTITY.pattern})"
    r"|(?<![0-9a-z])\*\*(?=\S)(?P<bold>[^*\n]++)\*\*"
    r"|(?P<heading>^\#{1,6}[ \t]+)",
    re.MULTILINE | re.IGNORECASE,
)
_IS_FORMULA = re.compile(r"\\[A-Za-z]{2}|[\^{}]")


def plain_text(markdown: str) -> str:
    """The text without escapes, entities, marks of headings and bold words, and tags. Never fails, and takes a linear time."""
    return _MARKUP.sub(_plain, markdown)


def is_formula(bracketed: str) -> bool:
    """Whether what stands between escaped brackets is a formula, and not a text whose brackets were escaped: ``\\[1\\]``."""
    return _IS_FORMULA.search(bracketed) is not None


def _plain(found: re.Match[str]) -> str:
    kind, text = found.lastgroup, found[found.lastgroup or 0]
    if kind == "bracketed":
        return found[0] if is_formula(text) else f"[{plain_text(text)}]"
    if kind == "bold":
        return plain_text(text)
    if kind == "tag":
        return "\n" if text.lower() == "br" else ""
    if kind == "entity":
        return html.unescape(text)
    return "" if kind == "heading" else text
