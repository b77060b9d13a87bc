"""Blocks as HTML: what a reader sees of markdown, formulas and tables, and nothing that is not on a closed list."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.blocks import page_blocks
from ocr_celery.core.grounding import Block, render_blocks
from ocr_celery.core.markdown import escape
from ocr_celery.export.block_html import blocks_html
from tests.testlib.attack_texts import attack_texts
from tests.testlib.effort import examples
from tests.testlib.mutated_answers import ANSWERS, PIECES

ALLOWED = set(
    """p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code hr br a b i u s em strong sup sub del table thead tbody tr td th
    math mrow mi mo mn mtext mspace mfrac msqrt mroot msup msub msubsup mover munder munderover mmultiscripts mprescripts none
    mtable mtr mtd mstyle mpadded mphantom menclose""".split()  # noqa: SIM905
)


def rendered(text: str, label: str = "text") -> str:
    raw = render_blocks([Block(label, ((0, 0, 9, 9),), text)])
    return "".join(blocks_html(page_blocks(raw, width=100, height=100)))


class _Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title <b>x</b>", "<h1>Title <b>x</b></h1>"),
        ("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("H<sub>2</sub>O <SUP>x</SUP><BR/>", "<p>H<sub>2</sub>O <sup>x</sup><br></p>"),
        ("<center>Figure 1</center>", "<p>Figure 1</p>"),
        ("a < b & c > d", "<p>a &lt; b &amp; c &gt; d</p>"),
        ("cost $5 and $6", "<p>cost $5 and $6</p>"),
        (r"see \[1\] and \[2, 3\]", "<p>see [1] and [2, 3]</p>"),
        (r"\[1\]", "<p>[1]</p>"),
        ("a ![figure *one*](x.jpg) b", "<p>a figure *one* b</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("~~gone~~", "<p><s>gone</s></p>"),
    ],
)
def test_markdown_is_shown_as_it_is_meant(text: str, html: str) -> None:
    assert rendered(text) == html


def test_links_lead_to_web_pages_only_and_say_nothing_of_where_they_stand() -> None:
    kept = '<p><a href="https://a.b/c" rel="noopener noreferrer nofollow">x</a></p>'
    assert rendered("[x](https://a.b/c 'title')") == kept
    for target in (
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "/etc",
        "//evil.invalid",
        "file:///etc/passwd",
    ):
        assert "href" not in rendered(f"[x]({target})")


def test_formulas_are_mathml() -> None:
    inline = rendered(r"is \(x^2\) so")
    assert inline.startswith('<p>is <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in inline
    block = rendered("before\n\\[\n\\frac{a}\n=\n{b}\n\\]\nbehind")
    assert block.count("<math") == 1
    assert 'display="block"' in block
    assert "<h1>" not in block, "a line of = within a formula makes no heading"
    for label in ("equation", "formula"):
        for text in (r"\[ a = b \]", r"\( a = b \)", "a = b"):
            assert 'display="block"' in rendered(text, label)


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac",
        r"x^2^2",
        r"\left( x",
        r"\def\a{xx}\a",
        r"\newcommand{\a}{x}\a",
        "{" * 500 + "x" + "}" * 500,
        r"\sqrt{" * 100 + "x" + "}" * 100,
        "x+" * 1500,
    ],
)
def test_a_formula_that_cannot_be_converted_is_its_source(latex: str) -> None:
    assert rendered(rf"a \({latex}\) b") == f"<p>a <code>{latex}</code> b</p>"


def test_what_stands_in_a_formula_is_text() -> None:
    html = rendered(r"\(\text{<img src=x onerror=alert(1)>} \text{&lt;b&gt;}\)")
    assert {tag for tag, _ in _Elements(html).found} == {"p", "math", "mrow", "mtext"}
    assert "<img" in _Elements(html).text.replace("\xa0", " ")
    assert "href" not in rendered(r"\(\href{javascript:alert(1)}{x}\style{color:red}{y}\)")
    assert "99999999" not in rendered(r"\(a\hspace{99999999em}b\)")


def test_a_page_of_formulas_ends_in_time() -> None:
    began = time.monotonic()
    html = rendered("\\(\\frac{a+b}{c}\\)\n\n" * 5000)
    assert 0 < html.count("<math") < 1000
    assert html.count("<math") + html.count("<code>") == 5000
    assert time.monotonic() - began < 60


def test_tables_keep_their_spans_and_their_cells_formulas_and_tags() -> None:
    html = rendered(
        r"<table><tr><td rowspan=2 onclick=a>x</td><td colspan='3'>\(x &lt; y^2\)</td></tr><tr><td><b>y<br>z</td></tr></table>",
        "table",
    )
    assert html.startswith('<table><tbody><tr><td rowspan="2">x</td><td colspan="3"><math')
    assert "<mo>&lt;</mo>" in html
    assert html.endswith("<td><b>y<br>z</b></td></tr></tbody></table>")


def test_rows_of_headings_are_printed_on_each_sheet_again() -> None:
    rows = "<tr><th>a</th></tr>{}<tr><td>1</td></tr>"
    assert "<thead><tr><th>a</th></tr></thead><tbody>" in rendered(f"<table>{rows.format('')}</table>")
    spanned = rendered("<table><tr><th rowspan=2>a</th><th>b</th></tr><tr><td>1</td></tr><tr><td>2</td></tr></table>")
    assert "<td>1</td></tr></thead><tbody><tr><td>2</td>" in spanned
    assert rendered("<table><tr><th rowspan=9>a</th></tr></table>").startswith("<table><thead><tr><th")


def test_code_is_text() -> None:
    assert rendered("if a < b:\n  *x*", "code") == "<pre><code>if a &lt; b:\n  *x*</code></pre>"
    assert rendered("```py\n<b>\n```", "code") == "<pre><code>&lt;b&gt;\n</code></pre>"


def test_what_is_nested_too_deeply_for_browsers_is_its_source() -> None:
    for text in ("<b>" * 600 + "x", "> " * 300 + "x", "- " * 300 + "x"):
        html = rendered(text)
        assert len(_Elements(html).found) < 10
        assert "x" in html


@pytest.mark.parametrize(
    "unit", ["[", "![", r"\(", r"\[", "*a_", "<", "`", "[a](", "|a", "> ", "- ", "[a]: b\n", "<b>", "<td>"]
)
def test_time_is_bounded_whatever_a_page_says(unit: str) -> None:
    began = time.monotonic()
    for label in ("text", "table"):
        rendered(unit * (40_000 // len(unit)), label)
    assert time.monotonic() - began < 60


@given(st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="["), max_size=60))
@examples(200)
def test_escaped_text_is_shown_as_it_was(text: str) -> None:
    assert "".join(_Elements(rendered(f"x {escape(text)} y")).text.split()) == "".join(f"x{text}y".split())


@given(
    st.lists(st.one_of(st.sampled_from([*PIECES, *ANSWERS, *attack_texts()]), st.text(max_size=9)), max_size=6).map(
        "".join
    ),
    st.sampled_from(["text", "title", "table", "equation", "code", "image", "<b>"]),
)
@examples(300)
def test_nothing_but_what_is_allowed_comes_out(text: str, label: str) -> None:
    for html in (rendered(text, label), *blocks_html(page_blocks(text, width=9, height=9))):
        found = _Elements(html).found
        assert {tag for tag, _ in found} <= ALLOWED
        for _, attributes in found:
            assert not [
                name for name in attributes if name.startswith("on") or name in ("style", "src", "id", "class", "title")
            ]
            assert (attributes.get("href") or "https:").startswith(("https:", "http:", "mailto:"))
