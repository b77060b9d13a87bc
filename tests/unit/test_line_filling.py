"""The text of a block is distributed over its lines as it was printed."""

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.export.glyphless import text_width
from ocr_celery.export.line_filling import fill_lines

LINES = [
    "It is a truth universally acknowledged, that a single man in",
    "possession of a good fortune, must be in want of a wife. However",
    "little known the feelings or views of such a man may be on his",
    "first entering a neighbourhood, this truth is so well fixed in the",
    "minds of the surrounding families.",
]


def test_a_paragraph_is_broken_where_the_page_broke_it() -> None:
    assert fill_lines(" ".join(LINES), [text_width(line) for line in LINES]) == LINES


def test_widths_may_be_a_little_wrong() -> None:
    widths = [text_width(line) * factor for line, factor in zip(LINES, (1.02, 0.98, 1.01, 0.97, 1.03), strict=True)]
    assert fill_lines(" ".join(LINES), widths) == LINES


def test_text_without_spaces_is_broken_between_characters() -> None:
    assert fill_lines("北京市朝阳区建国路八十八号院三单元", [6.0, 6.0, 5.0]) == [
        "北京市朝阳区",
        "建国路八十八",
        "号院三单元",
    ]


def test_a_text_with_as_many_lines_as_there_is_room_for_stays_as_it_is() -> None:
    assert fill_lines("short\na much longer line\nx", [1, 1, 1]) == ["short", "a much longer line", "x"]


def test_the_breaks_of_a_text_that_has_others_than_the_page_do_not_count() -> None:
    text = " ".join(LINES).replace("good fortune", "good\nfortune")
    assert fill_lines(text, [text_width(line) for line in LINES]) == LINES


@given(st.text(max_size=200), st.lists(st.floats(0, 1e5), max_size=12))
def test_nothing_is_lost_or_moved(text: str, widths: list[float]) -> None:
    lines = fill_lines(text, widths)
    assert len(lines) == len(widths)
    if widths:
        assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_very_long_text_is_distributed_as_well() -> None:
    lines = fill_lines("word " * 20_000, [1.0] * 400)
    assert {len(line.split()) for line in lines} <= {49, 50, 51}
