"""Which lines of text are the cells of a table, by the ruling lines around them."""

from ocr_celery.engine.rapid.geometry import Line, Rect
from ocr_celery.engine.rapid.ruled_tables import find_ruled_tables

WIDTH, DEPTH = 150.0, 40.0  #: pixels of a cell


def grid(rows: int, columns: int, left: float = 50.0, top: float = 50.0) -> tuple[list[Rect], list[Rect]]:
    """The drawn lines of a table."""
    right, bottom = left + columns * WIDTH, top + rows * DEPTH
    horizontal = [(left, top + n * DEPTH, right, top + n * DEPTH + 2) for n in range(rows + 1)]
    return horizontal, [(left + n * WIDTH, top, left + n * WIDTH + 2, bottom) for n in range(columns + 1)]


def cell(row: int, column: int, text: str, width: float = 60.0, lower: float = 0.0) -> Line:
    """A line of text in a cell of `grid`."""
    left, top = 50 + column * WIDTH + 10, 50 + row * DEPTH + 10 + lower
    return Line(left, top, left + width, top + 15, text)


def test_cells_framed_by_drawn_lines_are_a_table_and_other_text_is_not() -> None:
    inside = [cell(row, column, f"{row}{column}") for row in range(2) for column in range(3)]
    outside = Line(50, 300, 500, 320, "below")
    (found,), rest = find_ruled_tables([outside, *inside], *grid(2, 3))
    assert found.cells == [["00", "01", "02"], ["10", "11", "12"]]
    assert (found.left, found.top, found.right, found.bottom) == (51, 51, 501, 131)
    assert rest == [outside]


def test_an_empty_cell_is_an_empty_text_and_an_empty_row_is_left_out() -> None:
    inside = [cell(0, 0, "a"), cell(0, 1, "b"), cell(2, 1, "c")]
    (found,), _ = find_ruled_tables(inside, *grid(3, 2))
    assert found.cells == [["a", "b"], ["", "c"]]


def test_lines_of_one_cell_join_to_running_text() -> None:
    lines = [cell(0, 0, "first"), cell(0, 0, "second", lower=16), cell(0, 1, "b"), cell(1, 0, "c"), cell(1, 1, "d")]
    (found,), _ = find_ruled_tables(lines, *grid(2, 2))
    assert found.cells == [["first second", "b"], ["c", "d"]]


def test_text_over_several_columns_belongs_to_the_first_of_them() -> None:
    lines = [cell(0, 0, "a heading of all", width=280), *(cell(n, c, "x") for n in range(1, 5) for c in range(2))]
    (found,), _ = find_ruled_tables(lines, *grid(5, 2))
    assert found.cells[0] == ["a heading of all", ""]


def test_a_frame_around_text_is_no_table() -> None:
    lines = [cell(0, 0, "text in a box")]
    assert find_ruled_tables(lines, *grid(1, 1)) == ([], lines)


def test_a_grid_without_text_is_no_table() -> None:
    assert find_ruled_tables([], *grid(3, 3)) == ([], [])


def test_lines_that_do_not_meet_frame_no_table() -> None:
    horizontal, vertical = grid(2, 2)
    away = [(left + 900, top, right + 900, bottom) for left, top, right, bottom in vertical]
    lines = [cell(0, 0, "a"), cell(1, 1, "b")]
    assert find_ruled_tables(lines, horizontal, away) == ([], lines)


def test_a_form_whose_texts_run_over_its_lines_is_no_table() -> None:
    lines = [cell(row, 0, "text that runs over the line", width=280) for row in range(3)]
    assert find_ruled_tables([*lines, cell(0, 1, "x")], *grid(3, 2))[0] == []


def test_a_grid_whose_cells_hold_columns_is_no_table() -> None:
    one = [Line(60 + right, 55 + lower, 100 + right, 68 + lower, "x") for lower in (0, 16) for right in (0, 70)]
    pieces = [
        Line(x.left + column * WIDTH, x.top + row * DEPTH, x.right + column * WIDTH, x.bottom + row * DEPTH, x.text)
        for row in range(2)
        for column in range(2)
        for x in one
    ]
    assert find_ruled_tables(pieces, *grid(2, 2))[0] == []


def test_two_tables_are_two() -> None:
    lines = [cell(row, column, "x") for row in range(2) for column in range(2)]
    below = [Line(line.left, line.top + 300, line.right, line.bottom + 300, "y") for line in lines]
    first, second = grid(2, 2), grid(2, 2, top=350)
    found, rest = find_ruled_tables([*lines, *below], first[0] + second[0], first[1] + second[1])
    assert sorted(t.cells for t in found) == [[["x", "x"]] * 2, [["y", "y"]] * 2]
    assert rest == []


def test_a_border_drawn_in_pieces_is_one_border_and_a_short_one_is_none() -> None:
    horizontal, vertical = grid(2, 2)
    left, top, right, bottom = vertical[1]
    vertical[1:2] = [(left, top, right, 90), (left + 2, 90, right + 2, bottom)]
    stub = (120.0, 50.0, 122.0, 80.0)
    lines = [cell(row, column, "x") for row in range(2) for column in range(2)]
    (found,), _ = find_ruled_tables(lines, horizontal, [*vertical, stub])
    assert found.cells == [["x", "x"], ["x", "x"]]
