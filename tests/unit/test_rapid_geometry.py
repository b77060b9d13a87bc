"""Lines of text, their slant and their rows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.engine.rapid.geometry import (
    Area,
    Line,
    Point,
    bounds,
    deskew,
    estimate_slant,
    group_rows,
    median_line_height,
)
from tests.testlib.drawn_page import drawn


def quad(left: float, top: float, width: float, height: float, angle: float = 0.0) -> list[Point]:
    """A box of these measures, turned by `angle` around its upper left corner."""
    corners = [(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]
    cos, sin = math.cos(angle), math.sin(angle)
    return [(left + x * cos - y * sin, top + x * sin + y * cos) for x, y in corners]


def texts(rows: list[list[Line]]) -> list[list[str]]:
    return [[line.text for line in row] for row in rows]


def test_slant_is_the_median_angle_of_the_long_lines() -> None:
    tilted = [quad(10, 40 * n, 400, 20, 0.02) for n in range(5)]
    assert estimate_slant([*tilted, quad(10, 300, 400, 20, 0.3)]) == pytest.approx(0.02)


def test_slant_is_zero_where_fewer_than_five_lines_are_long() -> None:
    tilted = [quad(10, 40 * n, 400, 20, 0.02) for n in range(4)]
    short = [quad(10, 40 * n, 60, 20, 0.02) for n in range(9)]
    assert estimate_slant([*tilted, *short]) == 0.0


def test_deskew_turns_a_slanted_box_into_an_upright_rectangle() -> None:
    line = deskew(quad(0, 0, 400, 20, 0.05), "text", 0.05)
    assert (line.left, line.top, line.right, line.bottom) == pytest.approx((0, 0, 400, 20))
    assert line.text == "text"


def test_deskew_orders_the_edges_of_a_box_given_the_wrong_way_round() -> None:
    line = deskew([(30.0, 50.0), (10.0, 50.0), (10.0, 20.0), (30.0, 20.0)], "text")
    assert (line.left, line.top, line.right, line.bottom) == (10, 20, 30, 50)


def test_deskew_takes_the_middles_of_the_edges_of_an_uneven_box() -> None:
    line = deskew([(0.0, 0.0), (100.0, 4.0), (102.0, 24.0), (2.0, 20.0)], "text")
    assert (line.left, line.top, line.right, line.bottom) == (1, 2, 101, 22)


def test_an_area_knows_its_size_and_its_middle() -> None:
    area = Area(10, 20, 50, 30)
    assert (area.width, area.height, area.x, area.y) == (40, 10, 30, 25)


def test_line_height_is_the_median_of_the_shorter_sides_and_never_zero() -> None:
    assert median_line_height([Line(0, 0, 200, 20, "a"), Line(0, 0, 16, 300, "b"), Line(0, 0, 99, 18, "c")]) == 18
    assert median_line_height([Line(5, 5, 5, 5, "a")]) == 1.0


def test_bounds_enclose_all_areas() -> None:
    assert bounds([Area(5, 9, 10, 20), Area(1, 12, 7, 30)]) == (1, 9, 10, 30)


def test_pieces_side_by_side_make_a_row_from_left_to_right() -> None:
    page = """
one  two     three
four five    six
"""
    assert texts(group_rows(reversed(drawn(page)))) == [["one", "two", "three"], ["four five", "six"]]


def test_a_line_that_reaches_over_another_is_in_no_row_with_it() -> None:
    above, below = Line(0, 0, 100, 20, "above"), Line(50, 8, 150, 28, "below")
    assert texts(group_rows([above, below])) == [["above"], ["below"]]


def test_a_row_that_began_higher_is_continued_while_its_lower_neighbour_is_open() -> None:
    left, lower, right = Line(0, 0, 90, 20, "left"), Line(50, 6, 300, 26, "lower"), Line(200, 7, 290, 27, "right")
    assert texts(group_rows([left, lower, right])) == [["left", "right"], ["lower"]]


@given(st.lists(st.tuples(*[st.floats(0, 1000)] * 4), max_size=40))
def test_every_area_is_in_exactly_one_row(numbers: list[tuple[float, float, float, float]]) -> None:
    areas = [Area(x, y, x + width, y + height) for x, y, width, height in numbers]
    rows = group_rows(areas)
    assert sorted(map(id, areas)) == sorted(id(area) for row in rows for area in row)
    assert all(row == sorted(row, key=lambda area: area.left) for row in rows)
