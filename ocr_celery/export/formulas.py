"""Formulas of LaTeX as MathML. One that cannot be converted, or would take long, is shown as its source: never an error.

latex2mathml writes what stands in a formula into its markup unescaped; its tree is written here, with everything escaped.
"""

import html
import re
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import Converter

_LONGEST = 2_000  #: characters of a formula; they take up to 0.06 ms each
_MOST = 40_000  #: characters of the formulas of a page, each with some more for itself
_EACH = 50
_DEEPEST = 60  #: elements
_DEFINES = re.compile(r"\\(?:def|newcommand|renewcommand|newenvironment|DeclareMathOperator)(?![A-Za-z])")


class Formulas:
    """Converts the formulas of one page."""

    def __init__(self) -> None:
        self._left = _MOST

    def as_html(self, latex: str, *, display: bool) -> str:
        """MathML, or where there is none the source as code. `display`: it stands on lines of its own."""
        latex = latex.strip()
        if latex and len(latex) <= min(_LONGEST, self._left) and not _DEFINES.search(latex):
            self._left -= len(latex) + _EACH
            try:
                return _mathml(latex, display=display)
            except Exception:  # whatever a formula makes a converter raise: it has errors of its own, and mistakes
                pass
        return f"<code>{html.escape(latex)}</code>"


def _mathml(latex: str, *, display: bool) -> str:
    tree: Element = Converter(display="block" if display else "inline").convert_to_element(latex)
    if _depth(tree) > _DEEPEST:
        raise RecursionError
    for element in tree.iter():
        element.text = html.unescape(element.text or "")
        element.attrib = {name: html.unescape(value) for name, value in element.attrib.items()}
    return tostring(tree, encoding="unicode")


def _depth(tree: Element) -> int:
    """How many elements are nested in one another."""
    level, depth = [tree], 0
    while level and depth <= _DEEPEST:
        level, depth = [child for element in level for child in element], depth + 1
    return depth
