"""A figure is a block with its labels in it, beside its caption; photos, receipts and text taken for one are not."""

from ocr_celery.engine.rapid.geometry import Line
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.page_part import PagePart
from ocr_celery.engine.rapid.reading_order import layout_page
from tests.testlib.drawn_page import drawn

PROSE = """
the first line of a paragraph that goes on and on until it ends
and a second one that is about as long as the first one was too
and a third one that is about as long as the second one was too
and a fourth one with which the paragraph comes to its very end
"""
FIGURE = Region("figure", (0, 200, 600, 500), 0.9)
LABELS = [Line(20, 220, 60, 240, "4.5"), Line(20, 300, 60, 320, "3.5"), Line(300, 470, 400, 490, "years")]
BELOW = drawn(PROSE, top=600)


def labels(parts: list[PagePart]) -> list[str]:
    return [part.label for part in parts]


def test_a_figure_stands_between_the_texts_above_and_below_it_and_holds_its_labels() -> None:
    parts = layout_page([*drawn(PROSE), *LABELS, *BELOW], regions=[FIGURE])
    assert labels(parts) == ["text", "image", "text"]
    assert parts[1] == PagePart(label="image", rect=(0, 200, 600, 500), text="4.5\n3.5\nyears")


def test_a_figure_without_any_text_is_there_too() -> None:
    assert labels(layout_page([*drawn(PROSE), *BELOW], regions=[FIGURE])) == ["text", "image", "text"]


def test_a_figure_above_all_text_comes_first_and_one_beside_it_does_not_tear_it_apart() -> None:
    above = layout_page(BELOW, regions=[FIGURE])
    beside = layout_page(BELOW, regions=[Region("figure", (700, 610, 900, 660), 0.9)])
    assert (labels(above), labels(beside)) == (["image", "text"], ["text", "image"])


def test_a_caption_below_its_figure_comes_behind_it_and_one_above_before_it() -> None:
    caption = Line(0, 510, 300, 530, "Figure 1: The growth")
    below = layout_page(
        [*drawn(PROSE), caption, *BELOW], regions=[FIGURE, Region("figure_caption", (0, 510, 300, 530), 0.9)]
    )
    assert labels(below) == ["text", "image", "image_caption", "text"]
    caption = Line(0, 170, 300, 190, "Figure 1: The growth")
    above = layout_page(
        [*drawn(PROSE), caption, *BELOW], regions=[FIGURE, Region("figure_caption", (0, 170, 300, 190), 0.9)]
    )
    assert labels(above) == ["text", "image_caption", "image", "text"]


def test_a_page_whose_text_the_model_takes_for_a_figure_is_arranged_by_rules_alone() -> None:
    lines = [*drawn(PROSE), *BELOW]
    regions = [Region("figure", (0, 0, 800, 900), 0.98), Region("title", (0, 0, 800, 100), 0.9)]
    assert layout_page(lines, regions=regions) == layout_page(lines)


def test_running_text_is_no_label_of_a_figure() -> None:
    sentence = Line(20, 430, 580, 450, "and this is a sentence of the page")
    figure, *rest = [
        p for p in layout_page([*drawn(PROSE), *LABELS, sentence, *BELOW], regions=[FIGURE]) if p.label == "image"
    ]
    assert rest == []
    assert sentence.text not in figure.text


def test_a_region_that_is_mostly_text_is_no_figure() -> None:
    crowd = [Line(10, y, 580, y + 40, "Ab Cd Ef") for y in range(205, 480, 45)]
    lines = [*drawn(PROSE), *crowd, *BELOW]
    assert "image" not in labels(layout_page(lines, regions=[FIGURE]))


def test_a_ruled_table_is_no_figure() -> None:
    table = drawn("one         two\nthree       four", top=300)
    horizontal = [(-10.0, y, 300.0, y + 2.0) for y in (296.0, 321.0, 346.0)]
    vertical = [(x, 296.0, x + 2.0, 348.0) for x in (-10.0, 100.0, 298.0)]
    found = layout_page(
        [*drawn(PROSE), *table, *BELOW], horizontal, vertical, [Region("figure", (-20, 290, 310, 360), 0.9)]
    )
    assert labels(found) == ["text", "table", "text"]
