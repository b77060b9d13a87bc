"""Which lines are read one after the other: columns, and what stands above, between and beside them."""

import string

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.engine.rapid.column_bands import split_into_bands
from ocr_celery.engine.rapid.columns import xy_cut
from ocr_celery.engine.rapid.geometry import Area, Line, Rect
from ocr_celery.engine.rapid.gutters import Gutter
from tests.testlib.drawn_page import CHARACTER, HEIGHT, drawn
from tests.testlib.linear_time import check_linear

WIDE = "a line of words that fill the column"  # 36 characters


def columns(*, rows: int = 6, gap: int = 4) -> str:
    """Two columns of prose."""
    line = f"{WIDE}{' ' * gap}{WIDE.upper()}"
    return "\n".join([line] * rows)


def cut(areas: list[Line], *rules: Rect) -> list[str]:
    """The groups, each as its texts: left columns are in lower case, right ones in upper case."""
    return ["/".join(line.text for line in group if isinstance(line, Line)) for group in xy_cut(areas, HEIGHT, rules)]


def kinds(areas: list[Line], *rules: Rect) -> list[str]:
    """The first word of each group."""
    return [text.split()[0].split("/")[0] for text in cut(areas, *rules)]


def test_a_page_without_text_has_no_groups() -> None:
    assert xy_cut([], HEIGHT, []) == []


def test_one_line_is_one_group() -> None:
    line = Line(0, 0, 100, 20, "alone")
    assert xy_cut([line], HEIGHT, []) == [[line]]


def test_two_columns_are_read_one_after_the_other() -> None:
    groups = cut(drawn(columns()))
    assert groups == ["/".join([WIDE] * 6), "/".join([WIDE.upper()] * 6)]


def test_a_heading_over_both_columns_comes_first() -> None:
    heading = "HEADING over both of the columns, nearly as wide as they"
    assert kinds(drawn(f"{' ' * 10}{heading}\n\n{columns()}")) == ["HEADING", "a", "A"]


def test_a_footer_under_both_columns_comes_last() -> None:
    footer = "FOOTER that stands under both of the columns"
    assert kinds(drawn(f"{columns()}\n\n{' ' * 16}{footer}")) == ["a", "A", "FOOTER"]


def test_lines_of_one_column_are_one_group() -> None:
    assert kinds(drawn("\n".join([WIDE] * 8))) == ["a"]


def test_the_columns_of_a_table_are_no_columns_of_text() -> None:
    page = "\n".join(f"item {n}        {n * 7}" for n in range(8))
    assert len(cut(drawn(page))) == 1


def test_indented_lines_are_no_column() -> None:
    page = "\n".join(["word", "", "word", "", "word", f"{' ' * 10}{WIDE}", f"{' ' * 10}{WIDE}", f"{' ' * 10}{WIDE}"])
    assert len(cut(drawn(page))) == 1


def test_a_line_that_reaches_over_the_gutter_by_mistake_parts_no_columns() -> None:
    page = drawn(columns(rows=14))
    mistake = page[14]
    page[14] = Line(mistake.left, mistake.top, mistake.right + 5 * CHARACTER, mistake.bottom, mistake.text)
    assert kinds(page) == ["a", "A"]


def around_caption(left: float) -> list[Line]:
    """Two columns that leave room for a caption in their middle, which begins at `left`."""
    page = []
    for n in range(18):
        short = 100.0 if 5 <= n < 8 else 0.0
        page.append(Line(0, 24.0 * n, 300 - short, 24.0 * n + 20, "left words of a column"))
        page.append(Line(320 + short, 24.0 * n, 620, 24.0 * n + 20, "right words of a column"))
        if short:
            page.append(Line(left, 24.0 * n, 400, 24.0 * n + 20, "caption"))
    return page


def test_a_caption_that_stands_free_between_the_columns_is_read_after_them() -> None:
    assert kinds(around_caption(220)) == ["left", "right", "caption"]


def test_a_caption_that_touches_a_column_does_not_stand_free() -> None:
    assert "caption/caption/caption" not in cut(around_caption(205))


def test_a_wide_line_between_columns_parts_what_is_above_from_what_is_below() -> None:
    across = f"{' ' * 10}THE MIDDLE of the page holds a line that is nearly as wide as both"
    page = "\n".join([*[columns(rows=1)] * 10, across, *[columns(rows=1)] * 10])
    assert kinds(drawn(page)) == ["a", "A", "THE", "a", "A"]


def test_a_caption_over_the_gutter_parts_columns_even_where_it_is_short() -> None:
    caption = f"{' ' * 24}THE CAPTION of a figure above"
    page = "\n".join([columns(rows=13), caption, columns(rows=13)])
    assert kinds(drawn(page)) == ["a", "A", "THE", "a", "A"]


def test_columns_are_parted_through_lines_over_their_gutter_where_nothing_else_parts_them() -> None:
    left = [Line(0, 24.0 * n, 360, 24.0 * n + 20, WIDE) for n in range(26)]
    right = [Line(374, 24.0 * n + 12, 574, 24.0 * n + 32, "NAME of a thing") for n in range(26)]
    over = [Line(300, y, 450, y + 20, "OVER the gutter") for y in (-40.0, 24.0 * 27)]
    assert any("/".join([WIDE] * 26) in group and "NAME" not in group for group in cut([*left, *right, *over]))


def test_a_page_with_a_head_and_a_foot_over_both_columns_is_read_in_columns() -> None:
    head = f"{' ' * 6}HEAD of a journal page, which stands over both of the columns"
    foot = f"{' ' * 6}FOOT of a journal page, which stands under both of the columns"
    assert kinds(drawn(f"{head}\n{columns(rows=12)}\n{foot}")) == ["HEAD", "a", "A", "FOOT"]


def test_a_gutter_narrower_than_a_line_is_high_parts_prose() -> None:
    left = drawn("\n".join([WIDE] * 12))
    right = [
        Line(li.left + 370, li.top, li.right + 370, li.bottom, li.text.upper()) for li in drawn("\n".join([WIDE] * 12))
    ]
    head = Line(100, -40, 620, -20, "HEAD of a journal page, over both columns")
    foot = Line(100, 300, 620, 320, "FOOT of a journal page, under both columns")
    assert kinds([*left, *right, head, foot]) == ["HEAD", "a", "A", "FOOT"]


def test_a_short_band_is_read_as_the_columns_above_and_below_it() -> None:
    across = f"{' ' * 10}THE MIDDLE of the page holds a line that is nearly as wide as both"
    page = "\n".join([columns(rows=10), across, columns(rows=2), across, columns(rows=10)])
    assert kinds(drawn(page)) == ["a", "A", "THE", "a", "A", "THE", "a", "A"]


def test_a_table_over_both_columns_stands_between_them() -> None:
    table = "\n".join(f"{' ' * 4}TABLE{' ' * 20}{n}.50{' ' * 18}{n}.75" for n in range(1, 6))
    head = f"{' ' * 6}HEAD of a table that stands over both of the columns"
    groups = kinds(drawn(f"{columns(rows=8)}\n\n{head}\n{table}\n\n{columns(rows=8)}"))
    assert groups == ["a", "A", "HEAD", "a", "A"]


def test_a_caption_in_the_gutter_is_read_after_the_columns_of_its_band() -> None:
    head = Line(0, -80, 620, -60, "HEAD of the page over both columns")
    foot = Line(0, 500, 620, 520, "FOOT of the page under both columns")
    assert kinds([head, foot, *around_caption(220)]) == ["HEAD", "left", "right", "caption", "FOOT"]


def spanned(rows: int) -> list[Line]:
    """Two columns, and after each of their rows a line over both."""
    across = [Line(0, 24.0 * n, 620, 24.0 * n + 10, "across") for n in range(rows)]
    return across + [
        Line(x, 24.0 * n + 12, x + 300, 24.0 * n + 22, "beside") for n in range(rows) for x in (0.0, 320.0)
    ]


def test_eight_times_as_many_lines_over_both_columns_take_eight_times_as_long() -> None:
    check_linear(lambda page: split_into_bands(page, Gutter(300, 320), 10), spanned, 1600)


def staggered(rows: int) -> list[Line]:
    """Lines left and right of x = 200 that are too close for a gutter, the right ones half a row lower."""
    left = [Line(0, 48.0 * n, 196, 48.0 * n + 20, f"left {n}") for n in range(rows)]
    return left + [Line(204, 48.0 * n + 24, 400, 48.0 * n + 44, f"right {n}") for n in range(rows)]


def test_text_on_both_sides_of_a_drawn_line_is_read_side_by_side() -> None:
    page = staggered(6)
    assert len(cut(page)) == 1
    assert kinds(page, (199, 0, 201, 290)) == ["left", "right"]


def test_a_drawn_line_may_be_drawn_in_pieces() -> None:
    assert kinds(staggered(6), (199, 0, 201, 140), (200, 150, 202, 290)) == ["left", "right"]


def test_a_drawn_line_that_is_too_short_or_is_written_over_parts_nothing() -> None:
    assert len(cut(staggered(6), (199, 0, 201, 30))) == 1
    assert len(cut(staggered(6), (150, 0, 152, 290))) == 1


def test_a_drawn_line_with_few_lines_on_one_side_parts_nothing() -> None:
    page = [line for line in staggered(6) if line.text not in {f"right {n}" for n in range(2, 6)}]
    assert len(cut(page, (199, 0, 201, 290))) == 1


def test_cells_on_both_sides_of_a_drawn_line_stay_together() -> None:
    cells = [Line(left, 30.0 * n, left + 196, 30.0 * n + 20, "cell") for n in range(6) for left in (0, 204)]
    assert len(cut(cells, (199, 0, 201, 180))) == 1


def test_text_that_flows_round_a_picture_is_one_column_beside_it() -> None:
    full = [Line(0, 24.0 * n, 400, 24.0 * n + 20, WIDE) for n in range(10)]
    beside = [Line(450, 24.0 * n, 800, 24.0 * n + 20, WIDE.upper()) for n in range(10)]
    assert kinds([*full, *beside]) == ["a", "A"]


rectangles = st.tuples(st.floats(0, 900), st.floats(0, 1200), st.floats(1, 500), st.floats(1, 60))


@given(st.lists(rectangles, max_size=40), st.lists(st.floats(0, 900), max_size=3))
def test_every_area_is_in_exactly_one_group(
    places: list[tuple[float, float, float, float]], rules: list[float]
) -> None:
    areas = [
        Line(x, y, x + width, y + height, string.ascii_letters[n]) for n, (x, y, width, height) in enumerate(places)
    ]
    groups: list[list[Area]] = xy_cut(areas, HEIGHT, [(x, 0, x + 2, 1200) for x in rules])
    assert sorted(map(id, areas)) == sorted(id(area) for group in groups for area in group)
    assert all(groups)
