"""Lines of a text layer as paragraphs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.text_paragraphs import TextLine, clean_line, join_paragraphs

WIDTH, HEIGHT, PITCH = 400.0, 12.0, 14.0


def line(text: str, row: float, *, left: float = 0, right: float = WIDTH, hyphen: bool = False) -> TextLine:
    top = row * PITCH
    return TextLine(text=text, left=left, top=top, right=right, bottom=top + HEIGHT, hyphenated=hyphen)


def test_full_lines_without_a_gap_are_one_paragraph() -> None:
    assert join_paragraphs([line("the quick", 0), line("brown fox", 1), line("jumps", 2, right=90)]) == (
        "the quick brown fox jumps"
    )


def test_a_gap_begins_a_paragraph() -> None:
    rows = [line("a title", 0), line("its text", 2), line("goes on", 3), line("and on", 4), line("next", 6)]
    assert join_paragraphs(rows) == "a title\n\nits text goes on and on\n\nnext"


def test_double_spaced_text_is_no_list_of_paragraphs() -> None:
    assert join_paragraphs([line(word, 2 * row) for row, word in enumerate("abcd")]) == "a b c d"


def test_a_line_that_ends_early_stays_a_line() -> None:
    verse = [line("short", 0, right=120), line("as a verse", 1, right=200), line("long enough to be full", 2)]
    assert join_paragraphs(verse) == "short\nas a verse\nlong enough to be full"


def test_an_indented_line_begins_a_new_one() -> None:
    assert join_paragraphs([line("end of one.", 0), line("Begin", 1, left=24), line("of two", 2)]) == (
        "end of one.\nBegin of two"
    )


@pytest.mark.parametrize("mark", ["•", "–", "*", "12.", "(3)", "4)"])
def test_an_item_of_a_list_begins_a_new_line(mark: str) -> None:
    assert join_paragraphs([line("first", 0), line(f"{mark} second", 1)]) == f"first\n{mark} second"


def test_a_larger_line_is_no_part_of_the_paragraph() -> None:
    title = TextLine(text="Title", left=0, top=0, right=WIDTH, bottom=20)
    assert join_paragraphs([title, line("text", 1.5), line("more", 2.5)]) == "Title\n\ntext more"


def test_columns_stay_apart() -> None:
    left = [line("left one", 0, right=190), line("left two", 1, right=190)]
    right = [line("right one", 0, left=210), line("right two", 1, left=210)]
    assert join_paragraphs(left + right) == "left one left two\n\nright one right two"


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("inter", "national", "international"),
        ("Jean", "Paul", "Jean-Paul"),
        ("2019", "2020", "2019-2020"),
    ],
)
def test_a_word_broken_at_the_end_of_a_line_is_mended(first: str, second: str, together: str) -> None:
    assert join_paragraphs([line(first, 0, hyphen=True), line(second, 1)]) == together


def test_a_hyphen_after_which_nothing_comes_stays() -> None:
    assert join_paragraphs([line("to be con", 0, hyphen=True)]) == "to be con-"


def test_chinese_lines_are_joined_without_a_space() -> None:
    assert join_paragraphs([line("中华人民", 0), line("共和国", 1)]) == "中华人民共和国"


def test_what_no_reader_sees_is_taken_out_of_a_line() -> None:
    assert clean_line(" a\u00adb\u200bc\x07 \t d\u3000e\r\n") == "abc d e"


ANY = st.floats(-1e6, 1e6)
LINES = st.lists(
    st.builds(
        TextLine,
        text=st.text(st.characters(codec="utf-8")).map(clean_line),
        left=ANY,
        top=ANY,
        right=ANY,
        bottom=ANY,
        hyphenated=st.booleans(),
    )
)


@given(LINES)
def test_no_letter_is_lost_or_changes_its_place(lines: list[TextLine]) -> None:
    letters = [c for line in lines for c in line.text if c.isalnum()]
    assert [c for c in join_paragraphs(lines) if c.isalnum()] == letters
