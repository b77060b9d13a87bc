"""Which rows of a column make one paragraph, and where a paragraph breaks its lines on purpose."""

from ocr_celery.engine.rapid.geometry import Line, group_rows
from ocr_celery.engine.rapid.paragraphs import group_paragraphs
from tests.testlib.drawn_page import drawn


def texts(page: str) -> list[str]:
    return [paragraph.text for paragraph in group_paragraphs(group_rows(drawn(page)))]


def test_lines_of_prose_join_and_a_short_last_line_ends_the_paragraph() -> None:
    assert texts("""
the first line of a paragraph is
followed by a second one and the
end is short
the next paragraph begins with a
full line
""") == [
        "the first line of a paragraph is followed by a second one and the end is short",
        "the next paragraph begins with a full line",
    ]


def test_a_word_broken_at_the_line_end_is_mended() -> None:
    assert texts("a line whose last word is bro-\nken and goes on to the end of it") == [
        "a line whose last word is broken and goes on to the end of it"
    ]


def test_a_broken_word_joins_even_where_the_line_ends_early() -> None:
    assert texts("a short bro-\nken word and a line that is much longer") == [
        "a short broken word and a line that is much longer"
    ]


def test_a_sentence_goes_on_however_early_its_line_ends() -> None:
    page = """
This line is the longest of all of the lines here.
Take the number from the answer,
and ask for the result with it.
A long line that has words only
but ends early, too.
"""
    assert texts(page) == [
        "This line is the longest of all of the lines here. Take the number from the answer, and ask for the result with it.",
        "A long line that has words only but ends early, too.",
    ]


def test_a_line_that_is_short_because_the_next_word_is_long_ends_no_paragraph() -> None:
    page = """
Text that is set flush left has
lines that end at any place, as
Donaudampfschiffahrtsgesellschaft
Hence the next one stands there.
"""
    assert texts(page) == [" ".join(page.split())]


def test_a_line_that_ends_a_sentence_early_ends_its_paragraph_before_a_long_word_too() -> None:
    page = """
the first line of this is full of words
and this is its end here.
Donaudampfschiffahrtsgesellschaft is one
"""
    assert texts(page)[1:] == ["Donaudampfschiffahrtsgesellschaft is one"]


def test_a_chinese_line_goes_on_behind_a_comma_and_else_ends_where_it_is_short() -> None:
    page = """
今天的天气非常好我们一起去公园里散步吧好不好
因为路上的人很多，
所以我们走得很慢
今天的天气非常好我们一起去公园里散步吧好不好
"""
    assert texts(page) == [
        "今天的天气非常好我们一起去公园里散步吧好不好因为路上的人很多，所以我们走得很慢",
        "今天的天气非常好我们一起去公园里散步吧好不好",
    ]


def test_the_lines_of_an_address_are_kept_behind_a_comma() -> None:
    page = """
a first line that is as long as any

Jane Doe,
12 High Street,
Springfield
"""
    assert texts(page)[-1] == "Jane Doe,\n12 High Street,\nSpringfield"


def test_an_empty_row_parts_paragraphs() -> None:
    assert texts("these are the words of one part\n\nand these the words of another") == [
        "these are the words of one part",
        "and these the words of another",
    ]


def test_an_indented_line_begins_a_paragraph() -> None:
    page = """
all of this line is full of words
   and this one begins a paragraph
which goes on here to the very end
"""
    assert texts(page) == [
        "all of this line is full of words",
        "and this one begins a paragraph which goes on here to the very end",
    ]


def test_another_size_of_letters_begins_a_paragraph() -> None:
    large, small = Line(0, 0, 300, 40, "A heading of this width"), Line(0, 42, 300, 62, "and the text below it")
    assert [p.text for p in group_paragraphs([[large], [small]])] == [large.text, small.text]


def test_short_lines_keep_their_line_breaks() -> None:
    page = """
a first line that is as long as any

Jane Doe
12 High Street
Springfield
"""
    assert texts(page)[-1] == "Jane Doe\n12 High Street\nSpringfield"


def test_a_short_line_after_prose_begins_a_paragraph() -> None:
    page = """
prose that fills its line and then
goes on
stop
"""
    assert texts(page) == ["prose that fills its line and then goes on", "stop"]


def test_lines_indented_differently_keep_their_line_breaks() -> None:
    page = """
the margin
              centred words here
           and wider ones, centred too
"""
    assert texts(page)[-1] == "centred words here\nand wider ones, centred too"


def test_a_row_of_several_pieces_keeps_its_line() -> None:
    assert texts("name:  Jane\nage:   42") == ["name:  Jane\nage:  42"]


def test_a_paragraph_keeps_its_lines() -> None:
    (paragraph,) = group_paragraphs(group_rows(drawn("a line of words\nand another one")))
    assert [line.text for line in paragraph.lines] == ["a line of words", "and another one"]
    assert paragraph.has_joined_lines
