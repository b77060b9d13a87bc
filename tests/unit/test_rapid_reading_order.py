"""The parts of a page in the order a person reads them; every text is in exactly one of them."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core import grounding
from ocr_celery.engine.rapid.geometry import Line, Rect
from ocr_celery.engine.rapid.layout_model import LABELS, Region
from ocr_celery.engine.rapid.line_places import reading_sequence
from ocr_celery.engine.rapid.output import render_blocks, render_plain
from ocr_celery.engine.rapid.page_part import PagePart
from ocr_celery.engine.rapid.reading_order import layout_page
from tests.testlib.drawn_page import drawn
from tests.testlib.linear_time import check_linear


def outline(parts: list[PagePart]) -> list[tuple[str, object]]:
    return [(part.label, part.text if part.cells is None else part.cells) for part in parts]


@pytest.mark.parametrize("lines", [[], [Line(0, 0, 90, 20, " ")]])
def test_a_page_without_text_has_no_parts(lines: list[Line]) -> None:
    assert layout_page(lines) == []


def test_one_line_is_one_text_where_it_stands() -> None:
    assert layout_page([Line(10, 20, 210, 40, "some words")]) == [
        PagePart(label="text", rect=(10, 20, 210, 40), text="some words")
    ]


def test_large_letters_make_headings_of_two_sizes() -> None:
    body = drawn("a body of text that is long enough to set\nthe size of the letters of this page", top=200)
    title = Line(0, 0, 300, 36, "The title")
    section = Line(0, 100, 200, 128, "A section")
    assert outline(layout_page([title, section, *body])) == [
        ("title", "The title"),
        ("sub_title", "A section"),
        ("text", "a body of text that is long enough to set the size of the letters of this page"),
    ]


def test_large_letters_that_are_long_or_no_letters_are_no_heading() -> None:
    body = drawn("a body of text that is long enough to set\nthe size of the letters of this page", top=200)
    number = Line(0, 0, 90, 36, "2024")
    long = Line(0, 100, 900, 136, "words " * 17)
    assert [part.label for part in layout_page([number, *body])] == ["text", "text"]
    assert [part.label for part in layout_page([long, *drawn("body " * 40, top=200)])] == ["text", "text"]


def test_columns_are_read_one_after_the_other_and_their_paragraphs_apart() -> None:
    left = "words of the left column fill a line"
    right = "and these are words of the right one"
    page = "\n".join([f"{left}    {right}"] * 3 + [""] + [f"{left}    {right}"] * 3)
    assert outline(layout_page(drawn(page))) == [
        ("text", " ".join([left] * 3)),
        ("text", " ".join([left] * 3)),
        ("text", " ".join([right] * 3)),
        ("text", " ".join([right] * 3)),
    ]


def test_a_table_without_lines_stands_between_the_texts_around_it() -> None:
    page = """
the prices of the fruit of this year are these:

fruit       price     per
apples      1.20      kilo
pears       2.50      kilo

and all of them are lower than those of last year
"""
    assert outline(layout_page(drawn(page))) == [
        ("text", "the prices of the fruit of this year are these:"),
        ("table", [["fruit", "price", "per"], ["apples", "1.20", "kilo"], ["pears", "2.50", "kilo"]]),
        ("text", "and all of them are lower than those of last year"),
    ]


def test_a_cell_that_goes_on_in_the_next_rows_belongs_to_the_table() -> None:
    page = """
item        what it is      price
apples      a fruit that    1.20
            is round
pears       another one     2.50
"""
    cells = [["item", "what it is", "price"], ["apples", "a fruit that", "1.20"], ["", "is round", ""]]
    assert outline(layout_page(drawn(page))) == [("table", [*cells, ["pears", "another one", "2.50"]])]


def test_rows_far_below_a_table_belong_to_another() -> None:
    table = "a       b       c\nd       e       f\ng       h       i"
    page = f"{table}\n\n\n\n{table}"
    assert [part.label for part in layout_page(drawn(page))] == ["table", "table"]


def test_two_rows_side_by_side_that_are_no_table_stay_lines() -> None:
    assert outline(layout_page(drawn("name:    Jane\nage:     42"))) == [("text", "name:  Jane\nage:  42")]


def test_a_drawn_table_stands_between_the_texts_around_it() -> None:
    page = drawn("""
the text above the table goes on to the end

one         two
three       four

the text below the table goes on to the end
""")
    horizontal: list[Rect] = [(-10, y, 300, y + 2) for y in (42, 71, 96)]
    vertical: list[Rect] = [(x, 42, x + 2, 98) for x in (-10, 100, 298)]
    above, table, below = layout_page(page, horizontal, vertical)
    assert (above.label, below.label) == ("text", "text")
    assert table == PagePart(label="table", rect=(-9, 43, 299, 97), cells=[["one", "two"], ["three", "four"]])


def test_text_beside_a_drawn_table_is_kept() -> None:
    page = [*drawn("one         two\nthree       four"), Line(400, 10, 600, 30, "beside")]
    horizontal: list[Rect] = [(-10, y, 300, y + 2) for y in (-4, 21, 46)]
    vertical: list[Rect] = [(x, -4, x + 2, 48) for x in (-10, 100, 298)]
    assert outline(layout_page(page, horizontal, vertical)) == [
        ("text", "beside"),
        ("table", [["one", "two"], ["three", "four"]]),
    ]


def test_a_page_that_is_all_drawn_table_is_one_table() -> None:
    page = drawn("one         two\nthree       four")
    horizontal: list[Rect] = [(-10, y, 300, y + 2) for y in (-4, 21, 46)]
    vertical: list[Rect] = [(x, -4, x + 2, 48) for x in (-10, 100, 298)]
    assert outline(layout_page(page, horizontal, vertical)) == [("table", [["one", "two"], ["three", "four"]])]


def test_chinese_in_columns_is_read_from_right_to_left() -> None:
    columns = [
        Line(left, 50, left + 30, 650, text) for left, text in ((900, "第一行"), (850, "第二行"), (800, "第三行"))
    ]
    (part,) = layout_page(columns[::-1])
    assert part == PagePart(label="text", rect=(800, 50, 930, 650), text="第一行第二行第三行")


def test_narrow_boxes_of_other_scripts_are_not_read_as_columns() -> None:
    lines = [Line(left, 50, left + 30, 650, text) for left, text in ((900, "one"), (850, "two"), (800, "three"))]
    assert outline(layout_page(lines)) == [("text", "three  two  one")]


def test_lines_without_any_height_are_kept() -> None:
    assert outline(layout_page([Line(0, 5, 0, 5, "a"), Line(90, 5, 90, 5, "b")])) == [
        ("text", "a"),
        ("text", "b"),
    ]


# -- pages of thousands of lines -----------------------------------------------------------------------------------------


def one_column(rows: int) -> list[Line]:
    return [Line(0, 12.0 * n, 300, 12.0 * n + 10, "words that fill the line of a column") for n in range(rows)]


def test_a_page_of_eight_times_as_many_lines_takes_eight_times_as_long() -> None:
    check_linear(layout_page, one_column, 1600)


def test_so_do_the_places_of_lines_that_are_parts_of_their_own() -> None:
    def places(lines: list[Line]) -> list[int]:
        return list(reading_sequence(lines, [(li.left, li.top, li.right, li.bottom) for li in lines]))

    check_linear(places, one_column, 3200)


# -- no text is lost or doubled ----------------------------------------------------------------------------------------

rectangles = st.tuples(st.floats(0, 900), st.floats(0, 1200), st.floats(0, 500), st.floats(0, 60))


def to_rect(drawn: tuple[float, float, float, float]) -> Rect:
    """Of a place and a size, ten times as high as those of lines."""
    x, y, width, height = drawn
    return x, y, x + width, y + 10 * height


@st.composite
def scattered(draw: st.DrawFn) -> list[Rect]:
    """Boxes anywhere."""
    return [(x, y, x + width, y + height) for x, y, width, height in draw(st.lists(rectangles, max_size=40))]


@st.composite
def in_columns(draw: st.DrawFn) -> list[Rect]:
    """Columns of lines of many lengths, or the rows of a table."""
    count = draw(st.integers(1, 4))
    wide, boxes = 1000 / count, []
    for column in range(count):
        y = draw(st.floats(0, 60))
        for _ in range(draw(st.integers(0, 15))):
            height, gap, part = draw(st.tuples(st.sampled_from([20, 24, 36]), st.floats(1, 40), st.floats(0.1, 0.97)))
            boxes.append((wide * column, y, wide * (column + part), y + height))
            y += height + gap
    return boxes


@st.composite
def upright(draw: st.DrawFn) -> list[Rect]:
    """Tall narrow boxes from right to left."""
    heights = draw(st.lists(st.floats(80, 900), max_size=12))
    return [(900.0 - 60 * n, 40, 930.0 - 60 * n, 40 + height) for n, height in enumerate(heights)]


GRID: tuple[list[Rect], list[Rect]] = (
    [(0, 80.0 * n, 1000, 80.0 * n + 2) for n in range(6)],
    [(250.0 * n, 0, 250.0 * n + 2, 402) for n in range(5)],
)


@given(
    boxes=st.one_of(scattered(), in_columns(), upright()),
    rules=st.sampled_from([((), ()), GRID, (GRID[0], ()), ((), GRID[1][2:3])]),
    chinese=st.booleans(),
    regions=st.lists(st.builds(Region, st.sampled_from(LABELS), rectangles.map(to_rect), st.floats(0, 1)), max_size=8),
)
def test_every_text_of_any_page_is_in_the_answer_exactly_once(
    boxes: list[Rect], rules: tuple[list[Rect], list[Rect]], chinese: bool, regions: list[Region]
) -> None:
    names = [f"漢{n}字" if chinese else f"w{n}w" for n in range(len(boxes))]
    lines = [Line(*box, name) for box, name in zip(boxes, names, strict=True)]
    parts = layout_page(lines, *rules, regions)
    blocks = grounding.parse_blocks(render_blocks(parts, lambda rect: rect))
    for text in (render_plain(parts), "\n".join(block.text for block in blocks)):
        assert Counter(re.findall(r"漢\d+字|w\d+w", text)) == Counter(names)
