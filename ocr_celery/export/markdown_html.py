r"""Markdown of a page as HTML, for the sanitizer: of HTML in it only tags that shape text are taken for tags, the rest is text.

Formulas stand in ``\(…\)`` and ``\[…\]``, never in dollars, which are prices. The rules for them are our own: brackets that only
were escaped have to be told from a formula, and a page of opening brackets must not take minutes.
"""

import html
import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from ocr_celery.core.markdown_pieces import split_markdown
from ocr_celery.core.plain_text import is_formula
from ocr_celery.export.formulas import Formulas

_CLOSING = {r"\(": r"\)", r"\[": r"\]"}
_LONGEST_FORMULA = 4_000  #: characters in which the end of a formula is looked for
_LONGEST_TEXT = 10_000  #: characters; markdown has constructs that take a time quadratic in the length
_FORMULAS = "formulas"
_TAG = re.compile(r"<(/?(?:b|i|u|s|em|strong|sup|sub|br))\s*/?>", re.IGNORECASE)
_DROPPED_TAG = re.compile(r"</?(?:center|p|div|span)(?:\s++(?=[^<>=]*+=)[^<>]*+|\s*+/?)>", re.IGNORECASE)
_NESTED = re.compile(r"^(?:[ \t]*(?:>|[-+*](?=\s)|[0-9]{1,9}[.)](?=\s))){12}", re.MULTILINE)


def markdown_html(text: str, formulas: Formulas) -> str:
    """HTML of a text. Takes a time that is linear in the length of a long one."""
    if len(text) <= _LONGEST_TEXT:
        return _rendered(text, formulas)
    return "\n".join(
        _rendered(piece.text, formulas) if len(piece.text) <= _LONGEST_TEXT else _as_it_is(piece.text)
        for piece in split_markdown(text)
    )


def _rendered(text: str, formulas: Formulas) -> str:
    if _NESTED.search(text):  # what is nested more deeply would be left out
        return _as_it_is(text)
    return str(_MARKDOWN.render(text, {_FORMULAS: formulas}))


def _as_it_is(text: str) -> str:
    lines = html.escape(text).replace("\n", "<br>")
    return f"<p>{lines}</p>"


def _find_formula(text: str, at: int, end: int) -> str | None:
    """The formula that begins here and ends before `end`, with its brackets; None where there is none."""
    opening = text[at : at + 2]
    if opening not in _CLOSING:
        return None
    closed = text.find(_CLOSING[opening], at + 2, min(end, at + _LONGEST_FORMULA))
    if closed < 0:
        return None
    inner = text[at + 2 : closed]
    if not inner.strip() or opening in inner or (opening == r"\[" and not is_formula(inner)):
        return None
    return text[at : closed + 2]


def _inline_formula(state: StateInline, silent: bool) -> bool:
    found = _find_formula(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup = found[2:-2], found[:2]
    state.pos += len(found)
    return True


def _block_formula(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    begin = state.bMarks[start] + state.tShift[start]
    found = _find_formula(state.src, begin, state.eMarks[end - 1]) if state.src.startswith(r"\[", begin) else None
    if found is None:
        return False
    after = begin + len(found)
    line = start
    while line < end and state.eMarks[line] < after:
        line += 1
    if line >= end or state.src[after : state.eMarks[line]].strip():
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup, token.block = found[2:-2], found[:2], True
        state.line = line + 1
    return True


def _inline_tag(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("<", state.pos):
        return False
    tag = _TAG.match(state.src, state.pos) or _DROPPED_TAG.match(state.src, state.pos)
    if tag is None:
        return False
    if not silent and tag.re is _TAG:
        state.push("html_inline", "", 0).content = f"<{tag[1].lower()}>"
    state.pos = tag.end()
    return True


def _render_formula(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, env: EnvType) -> str:
    token = tokens[at]
    formulas: Formulas = env[_FORMULAS]
    shown = formulas.as_html(token.content, display=token.markup == r"\[")
    return f"<p>{shown}</p>\n" if token.block else shown


def _render_picture(_: RendererProtocol, tokens: Sequence[Token], at: int, __: OptionsDict, ___: EnvType) -> str:
    """Its text: a picture that a page's text names is never loaded."""
    return html.escape(tokens[at].content)


def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    markdown.inline.ruler.before("escape", "formula", _inline_formula)
    markdown.block.ruler.before("fence", "formula", _block_formula, {"alt": ["paragraph", "reference", "blockquote"]})
    markdown.inline.ruler.before("html_inline", "tag", _inline_tag)
    markdown.add_render_rule("formula", _render_formula)
    markdown.add_render_rule("image", _render_picture)
    return markdown


_MARKDOWN = _markdown()
