"""Where gutters may be, on pages given as text."""

from ocr_celery.engine.rapid.gutters import Gutter, row_gap_gutters, through_gutters
from tests.testlib.drawn_page import HEIGHT, drawn

WORDS = "words that fill a column"


def test_a_band_that_nothing_reaches_into_is_a_gutter() -> None:
    (gutter,) = through_gutters(drawn("\n".join([f"{WORDS}    {WORDS}"] * 3)), HEIGHT, 0)
    assert (gutter.left, gutter.right, gutter.x) == (237, 283, 260)


def test_bands_that_too_many_reach_into_or_that_are_narrow_are_none() -> None:
    page = drawn("\n".join([f"{WORDS}    {WORDS}"] * 3 + [f"{WORDS} and over {WORDS}"]))
    assert through_gutters(page, HEIGHT, 0) == []
    assert len(through_gutters(page, HEIGHT, 1)) == 1
    assert through_gutters(drawn("\n".join(["abc  abc"] * 3)), 3 * HEIGHT, 0) == []


def test_gaps_of_three_rows_at_one_place_may_be_a_gutter_whatever_runs_over_it_elsewhere() -> None:
    heading = f"{WORDS} and {WORDS}"
    page = drawn("\n".join([heading, *[f"{WORDS}    {WORDS}"] * 3, heading]))
    assert row_gap_gutters(page, HEIGHT) == [Gutter(240, 280)]
    assert row_gap_gutters(page[:4], HEIGHT) == []


def test_the_gutter_of_most_rows_comes_first() -> None:
    page = drawn("\n".join([f"{WORDS}    {WORDS}"] * 3 + [f"{WORDS}{WORDS}    {WORDS}"] * 5))
    assert [gutter.left for gutter in row_gap_gutters(page, HEIGHT)] == [480, 240]
