"""Markdown becomes the text that a reader sees; what was escaped comes back as it was."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocr_celery.core.markdown import escape
from ocr_celery.core.plain_text import plain_text
from tests.testlib.effort import examples


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("# Report\ntext", "Report\ntext"),
        ("\\# no title\n#1 in sales", "# no title\n#1 in sales"),
        ("**注意**：a **bold word**, 2**3**4", "注意：a bold word, 2**3**4"),
        ("H<sub>2</sub>O<br>x <center>Figure 1</center>", "H2O\nx Figure 1"),
        ("a < b > c <unknown>", "a < b > c <unknown>"),
        ("if a <p b> c and <s d, e </P x>", "if a <p b> c and <s d, e </P x>"),
        ("<p class='x' nowrap>a</p ><br /><B\nid=b>b</B><br/>", "a\nb\n"),
        ("R&amp;D &#42; &nope; & \\&amp;", "R&D * &nope; & &amp;"),
        ("sales of \\(1.2 \\cdot 10^9\\)", "sales of \\(1.2 \\cdot 10^9\\)"),
        ("\\[ \\frac{a}{b} \\]", "\\[ \\frac{a}{b} \\]"),
        ("see \\[12\\] and \\[\\*\\]", "see [12] and [*]"),
        ("C:\\dir\\\\(x)", "C:\\dir\\(x)"),
        ("\\( not closed", "( not closed"),
    ],
)
def test_markup_is_taken_out(markdown: str, shown: str) -> None:
    assert plain_text(markdown) == shown


@given(st.text(st.characters(exclude_characters="[")))
@example("*a* `b` <c> |d| e]\n1. f\n- g\n\\(h\\) &amp; ~~i~~ C:\\")
@examples(500)
def test_what_was_escaped_comes_back(text: str) -> None:
    assert plain_text(escape(text)) == re.sub(r"^[ \t]+", "", text, flags=re.MULTILINE)


@given(st.lists(st.sampled_from([*r"\()[]{}*_#&;<>^ab", "\n", " ", "&#x", "**", "<b", "</td>", "\ud800"])).map("".join))
@examples(500)
def test_any_text_never_fails(text: str) -> None:
    assert len(plain_text(text)) <= len(text)
