"""What the layout model sees becomes a label only where position, length and wording agree with it."""

import pytest

from ocr_celery.engine.rapid.geometry import Line, Rect
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.page_part import PagePart
from ocr_celery.engine.rapid.reading_order import layout_page
from tests.testlib.drawn_page import CHARACTER, HEIGHT, PITCH, drawn

PAGE = """
A head of the page                                                12

Of many things
the first line of a paragraph that goes on and on until it ends
and a second one that is about as long as the first one was too
and a third one that is about as long as the second one was too
and a fourth one with which the paragraph comes to its very end

A foot of the page                                             0815
"""


def rows(first: int, last: int, left: int = 0, right: int = 70) -> Rect:
    """The place of some rows of a drawn page, and of some of its characters."""
    return left * CHARACTER, first * PITCH - 4, right * CHARACTER, last * PITCH + HEIGHT + 4


def labels(page: str | list[Line], *regions: Region) -> dict[str, str]:
    """The label of each part by its first words."""
    parts = layout_page(drawn(page) if isinstance(page, str) else page, regions=regions)
    return {" ".join(part.text.split()[:2]): part.label for part in parts}


HEAD = Region("header", rows(0, 0, 0, 20), 0.9)
FOOT = Region("footer", rows(8, 8, 0, 20), 0.9)
NUMBER = Region("footer", rows(0, 0, 60), 0.5)
HEADING = Region("title", rows(2, 2), 0.9)
TEXT = Region("text", rows(3, 6), 0.95)


def test_without_regions_all_is_text() -> None:
    assert set(labels(PAGE).values()) == {"text"}


def test_each_part_is_what_the_model_sees() -> None:
    assert labels(PAGE, HEAD, FOOT, NUMBER, HEADING, TEXT) == {
        "A head": "header",
        "12": "page_number",
        "Of many": "sub_title",
        "the first": "text",
        "A foot": "footer",
        "0815": "page_number",
    }


def test_what_the_model_does_not_see_is_a_running_head_if_it_stands_beside_one() -> None:
    assert labels(PAGE, HEAD)["12"] == "page_number"


def test_what_the_model_hardly_believes_changes_nothing() -> None:
    weak = [region._replace(score=0.49) for region in (HEAD, FOOT, HEADING)]
    assert set(labels(PAGE, *weak).values()) == {"text"}


def test_a_running_head_of_which_the_model_is_not_sure_needs_a_page_number_beside_it() -> None:
    unsure = HEAD._replace(score=0.55)
    assert labels(PAGE, unsure, NUMBER)["A head"] == "header"
    assert "header" not in labels(PAGE.replace("12\n", "\n", 1), unsure).values()


def test_what_has_text_above_and_below_it_is_neither_head_nor_foot() -> None:
    assert labels(PAGE, HEAD._replace(rect=rows(2, 2)), FOOT._replace(rect=rows(2, 2)))["Of many"] == "text"


@pytest.mark.parametrize(
    "lines",
    ["2019    11,4    12,6    9,4\n2020    10,4    12,3    7,4", "Name    Jane\nBorn    May\nAge    42\nFrom    here"],
    ids=["figures", "a form"],
)
def test_on_a_page_that_is_no_prose_the_first_line_may_be_a_title(lines: str) -> None:
    assert "header" not in labels(f"The net sales of it\n\n{lines}", HEAD).values()


def test_large_letters_are_no_running_head() -> None:
    lines = [Line(0, 0, 300, 40, "The title itself"), *drawn(PAGE, top=60)]
    assert labels(lines, Region("header", (0, 0, 300, 40), 0.9))["The title"] == "title"


@pytest.mark.parametrize(
    "text",
    [
        "It is a sentence that is short.",
        "this goes on,",
        "12.50 EUR 7",
        "□ yes ☑ no",
        "so many words that they are no heading at all, " * 3,
    ],
)
def test_what_does_not_read_as_a_heading_is_none(text: str) -> None:
    page = f"{text}\n\n" + "\n".join(PAGE.splitlines()[4:8])
    assert list(labels(page, Region("title", rows(0, 0, 0, 150), 0.95)).values()) == ["text", "text"]


def test_a_heading_stands_apart_from_the_paragraph_right_below_it_and_its_own_rows_together() -> None:
    page = "A heading of two rows that goes on\nin the second row\n" + "\n".join(PAGE.splitlines()[4:8])
    one, other = layout_page(drawn(page), regions=[Region("title", rows(0, 1), 0.9)])
    assert (one.label, one.text) == ("sub_title", "A heading of two rows that goes on in the second row")
    assert other.label == "text"


def test_a_high_line_within_a_block_of_text_is_a_formula_and_no_heading() -> None:
    body = drawn("\n".join(PAGE.splitlines()[4:8]))
    formula = Line(0, 4 * PITCH, 300, 4 * PITCH + 2 * HEIGHT, "H = sum of h over n")
    after = drawn("where h stands for all of the terms that are to be summed", top=7 * PITCH)
    lines = [*body, formula, *after]
    assert labels(lines)["H ="] == "title"
    assert labels(lines, Region("text", rows(0, 7), 0.9))["H ="] == "text"


# -- captions ----------------------------------------------------------------------------------------------------------

FIGURE = Region("figure", (0, -300, 600, -20), 0.9)


@pytest.mark.parametrize(
    ("text", "seen", "label"),
    [
        ("Figure 2: The growth", "figure_caption", "image_caption"),
        ("Table 3. The growth", "figure_caption", "table_caption"),
        ("图 1 系统", "figure_caption", "image_caption"),
        ("The growth of it", "figure_caption", "image_caption"),
        ("The growth of it", "table_caption", "text"),
    ],
)
def test_a_caption_says_what_it_is_or_stands_beside_it(text: str, seen: str, label: str) -> None:
    lines = [Line(0, 0, 300, HEIGHT, text), *drawn(PAGE, top=90)]
    parts = layout_page(lines, regions=[FIGURE, Region(seen, (0, 0, 300, HEIGHT), 0.9)])
    assert [part.label for part in parts if part.text == text] == [label]


def test_what_neither_says_that_it_is_a_caption_nor_stands_beside_a_figure_is_none() -> None:
    far = drawn("The growth of it\n\n" + "\n".join(PAGE.splitlines()[4:8]), top=400)
    parts: list[PagePart] = layout_page(far, regions=[FIGURE, Region("figure_caption", (0, 400, 300, 420), 0.9)])
    assert [part.label for part in parts] == ["image", "text", "text"]
