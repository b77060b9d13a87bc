"""Whether text on two sides of a gutter is columns or cells, on pages given as text."""

from ocr_celery.engine.rapid.column_evidence import Side, are_columns
from ocr_celery.engine.rapid.geometry import Line
from tests.testlib.drawn_page import CHARACTER, HEIGHT, drawn

PROSE = [
    "a sentence of many words that goes",
    "on in the line below it and on and",
    "further down the column until it is",
    "at an end. And then another of them",
    "begins and goes on in the same way,",
    "as the sentences of all texts will.",
]
WIDE_GUTTER, NARROW_GUTTER = 2.0 * HEIGHT, 0.5 * HEIGHT


def sides(left: list[str], right: list[str]) -> tuple[list[Line], list[Line]]:
    """Both at the same heights."""
    beside = [Line(a.left + 500, a.top, a.right + 500, a.bottom, a.text) for a in drawn("\n".join(right))]
    return drawn("\n".join(left)), beside


def read_apart(left: list[str], right: list[str], gutter: float = WIDE_GUTTER) -> bool:
    return are_columns(*sides(left, right), HEIGHT, gutter)


def test_prose_on_both_sides_is_columns_though_its_lines_are_level() -> None:
    assert read_apart(PROSE, PROSE)


def test_a_narrow_gutter_parts_prose_of_several_rows_only() -> None:
    assert read_apart(PROSE, PROSE, NARROW_GUTTER)
    assert not read_apart(PROSE[:4], PROSE[:4], NARROW_GUTTER)


def test_chinese_prose_is_columns() -> None:
    lines = ["这是第一栏的一行连续的中文文字"] * 6
    assert read_apart(lines, lines)


def test_names_and_figures_are_no_columns() -> None:
    assert not read_apart(["apples", "pears", "plums", "grapes"], ["1.20", "2.50", "3.10", "4.00"])


def test_descriptions_and_their_figures_are_no_columns() -> None:
    described = [f"The average price of all {fruit} sold" for fruit in ("apples", "pears", "plums", "grapes")]
    assert not read_apart(described, ["1.20", "2.50", "3.10", "4.00"])


def test_rows_of_figures_across_the_gutter_are_no_columns_though_there_is_prose_above() -> None:
    figures = [f"{n}.50" for n in range(6)]
    assert not read_apart([*PROSE, *figures], [*PROSE, *figures])


def test_a_list_beside_prose_that_goes_on_is_a_column() -> None:
    assert read_apart(PROSE, ["Reign", "959 to 975", "Predecessor", "Eadwig", "Successor", "Edward"])


def test_a_side_is_measured_where_its_text_stands() -> None:
    round_a_picture = [Line(0, 24.0 * n, (200 if n < 5 else 400), 24.0 * n + 20, "words") for n in range(10)]
    assert Side(round_a_picture).fill_ratio == 1.0


def test_pieces_of_one_line_are_one_row() -> None:
    side = Side([Line(0, 0, 8 * CHARACTER, HEIGHT, "one line"), Line(90, 0, 200, HEIGHT, "in two pieces")])
    assert side.texts == ["one line in two pieces"]


def test_labels_with_values_beside_them_are_no_running_text_and_a_line_in_two_pieces_is() -> None:
    form = """
Insurance Agent        Jane Doe
Named Insured          John Doe Junior
Effective Date         the first of May
Policy Holder          John Doe Junior
"""
    assert Side(drawn(form)).running_share == 0.25
    assert Side(drawn("the first half  and the other\n" * 4)).running_share == 1.0


def test_two_columns_of_running_text_on_one_side_are_running_text() -> None:
    both = [f"{line:40}      {line}" for line in PROSE]
    assert Side(drawn("\n".join(both))).running_share == 1.0


def test_a_form_with_values_in_two_columns_is_read_row_by_row() -> None:
    form = ["Named Insured        Jane Mary Doe", "Effective Date       the First", "Type of Policy       of a Home"]
    left, right = sides([*form, *form], ["Address", "Hill 7", "Ulm"] * 2)
    lower = [Line(a.left, a.top + 0.4 * HEIGHT, a.right, a.bottom + 0.4 * HEIGHT, a.text) for a in right]
    assert not are_columns(left, lower, HEIGHT, WIDE_GUTTER)
