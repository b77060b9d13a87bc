"""Boxes that the detector drew through a gutter are cut there, headings over both columns are not."""

import numpy as np

from ocr_celery.engine.rapid.merged_lines import cut_merged_lines
from ocr_celery.engine.rapid.orientation import Boxes, Image

HEIGHT, PITCH = 20, 26
LEFT, RIGHT = (10, 300), (320, 610)  #: both columns, from and to


def page(*, rows: int, words: dict[int, list[tuple[int, int]]] | None = None) -> Image:
    """White paper with strokes of ink in two columns; `words`: where they are in a row instead."""
    image = np.full((rows * PITCH + 20, 620, 3), 255, np.uint8)
    for n in range(rows):
        for begin, end in (words or {}).get(n, [LEFT, RIGHT]):
            image[n * PITCH + 5 : n * PITCH + 5 + HEIGHT, begin:end:3] = 20
    return image


def box(row: int, left: float, right: float) -> list[tuple[float, float]]:
    top = row * PITCH + 5.0
    return [(left, top), (right, top), (right, top + HEIGHT), (left, top + HEIGHT)]


def boxes(rows: int, merged: tuple[int, ...]) -> Boxes:
    """The boxes of all rows, one over both columns in those that are `merged`."""
    found = []
    for n in range(rows):
        found += [box(n, 5, 615)] if n in merged else [box(n, 5, 305), box(n, 315, 615)]
    return np.asarray(found, np.float32)


def spans(quads: Boxes) -> list[tuple[float, float]]:
    return [(float(q[:, 0].min()), float(q[:, 0].max())) for q in quads]


def test_a_box_through_the_gutter_is_cut_in_its_middle() -> None:
    cut = cut_merged_lines(page(rows=8), boxes(8, merged=(3,)))
    assert len(cut) == 16
    assert spans(cut)[6:8] == [(5.0, 309.5), (309.5, 615.0)]
    assert cut.dtype == np.float32


def test_a_heading_whose_words_stand_in_the_gutter_is_whole() -> None:
    heading = {3: [(10, 150), (160, 480), (490, 610)]}
    before = boxes(8, merged=(3,))
    assert cut_merged_lines(page(rows=8, words=heading), before).tolist() == before.tolist()


def test_a_space_between_two_words_is_no_gutter() -> None:
    spaced = {3: [(10, 307), (313, 610)]}
    before = boxes(8, merged=(3,))
    assert len(cut_merged_lines(page(rows=8, words=spaced), before)) == len(before)


def test_few_rows_show_no_gutter() -> None:
    before = boxes(5, merged=(0, 2))
    assert len(cut_merged_lines(page(rows=5), before)) == len(before)


def test_rows_far_away_show_no_gutter_here() -> None:
    far = {n: [LEFT] for n in range(8, 24)}
    image = page(rows=26, words=far)
    quads = [q for n in range(8) for q in (box(n, 5, 305), box(n, 315, 615))] + [box(24, 5, 615)]
    assert len(cut_merged_lines(image, np.asarray(quads, np.float32))) == len(quads)


def test_a_slanted_box_is_cut_across_its_slant() -> None:
    quads = boxes(8, merged=(3,))
    quads[6][:, 1] += [0, 6.1, 6.1, 0]
    pieces = cut_merged_lines(page(rows=8), quads)[6:8]
    assert pieces[0][1].tolist() == pieces[1][0].tolist()
    assert 85 < pieces[0][1][1] < 88


def test_pages_without_boxes_stay_as_they_are() -> None:
    assert len(cut_merged_lines(page(rows=1), np.zeros((0, 4, 2), np.float32))) == 0


def test_boxes_at_the_border_or_without_size_are_kept() -> None:
    strange = np.asarray(
        [*boxes(8, merged=()), box(9, 0, 0), [(0, 0)] * 4, [(0, 226), (620, 226), (620, 228), (0, 228)]], np.float32
    )
    assert len(cut_merged_lines(page(rows=8), strange)) == len(strange)
