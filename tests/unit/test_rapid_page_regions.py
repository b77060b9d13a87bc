"""The layout model is believed where it is sure and knows the kind of page; it can take a table away, and make none."""

import pytest

from ocr_celery.engine.rapid.geometry import Line
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.page_regions import PageRegions, lines_within, overlap_share
from ocr_celery.engine.rapid.reading_order import layout_page
from tests.testlib.drawn_page import drawn

LINES = [Line(0, 30.0 * n, 100, 30.0 * n + 20, "a line") for n in range(10)]
TABLE = """
fruit       price     per
apples      1.20      kilo
pears       2.50      kilo
plums       3.10      kilo
"""
AROUND = (-5.0, -5.0, 280.0, 100.0)
RULES = [(-10.0, y, 290.0, y + 2.0) for y in (-4.0, 21.0, 46.0, 71.0, 96.0)]
BORDERS = [(x, -4.0, x + 2.0, 98.0) for x in (-10.0, 100.0, 200.0, 288.0)]


def label(*regions: Region, ruled: bool = False) -> set[str]:
    rules = (RULES, BORDERS) if ruled else ((), ())
    return {part.label for part in layout_page(drawn(TABLE), *rules, regions=regions)}


def test_a_line_is_in_the_surest_region_that_holds_most_of_its_width() -> None:
    wide, narrow = Region("text", (0, 0, 100, 300), 0.8), Region("title", (0, 0, 60, 20), 0.9)
    other = Region("header", (0, 0, 75, 20), 0.7)
    assert PageRegions([other, narrow, wide], LINES).region_of(LINES[0]) == wide
    assert PageRegions([other, narrow], LINES).region_of(LINES[0]) == other
    assert PageRegions([narrow], LINES).region_of(LINES[0]) is None


def test_a_page_of_which_most_lines_are_in_one_figure_has_no_regions() -> None:
    text = Region("text", (0, 0, 100, 300), 0.9)
    assert PageRegions([text, Region("figure", (0, 0, 100, 170), 0.6)], LINES).all == []
    assert len(PageRegions([text, Region("figure", (0, 0, 100, 140), 0.6)], LINES).all) == 2


def test_what_is_within_a_rectangle_and_how_much_of_it() -> None:
    assert lines_within(LINES, (0, 0, 100, 45)) == LINES[:2]
    assert overlap_share(LINES[0], (50, -50, 500, 10)) == pytest.approx(0.25)
    assert overlap_share(LINES[0], (500, 500, 600, 600)) == 0


def test_aligned_lines_that_the_model_is_sure_are_text_are_no_table() -> None:
    assert label() == {"table"}
    assert label(Region("text", AROUND, 0.9)) == {"text"}


@pytest.mark.parametrize(
    "regions",
    [
        [Region("text", AROUND, 0.8)],
        [Region("text", AROUND, 0.9), Region("table", AROUND, 0.6)],
        [Region("reference", AROUND, 0.99)],
        [Region("text", (-5.0, -5.0, 280.0, 50.0), 0.99)],
    ],
    ids=["not sure", "a table, too", "another label", "half of it"],
)
def test_a_table_stays_one_where_the_model_does_not_say_clearly_that_it_is_text(regions: list[Region]) -> None:
    assert label(*regions) == {"table"}


def test_a_ruled_table_stays_one_whatever_the_model_says() -> None:
    assert label(Region("text", AROUND, 0.99), ruled=True) == {"table"}
