"""The layout model's answer is read as labelled regions of the page, whatever the shape of the page."""

from pathlib import Path

import numpy as np
import pytest

from ocr_celery.engine.rapid.layout_model import LABELS, LayoutModel, Region
from ocr_celery.engine.rapid.orientation import Image

GRIDS = ((8, 76, 100), (16, 38, 50), (32, 19, 25), (64, 10, 13))  #: stride, columns, rows of the model's input
FAR = 9.0  #: a logit beside which the others are nothing

Cell = tuple[
    int, int, int, str, float, tuple[int, int, int, int]
]  #: stride, column, row, label, score, distances in strides


def answering(*cells: Cell) -> LayoutModel:
    """A model that finds a box around each of these cells, and nothing else."""
    scores = [np.zeros((1, columns * rows, len(LABELS)), np.float32) for _, columns, rows in GRIDS]
    spreads = [np.zeros((1, columns * rows, 32), np.float32) for _, columns, rows in GRIDS]
    for stride, column, row, label, score, distances in cells:
        grid = [s for s, _, _ in GRIDS].index(stride)
        cell = row * GRIDS[grid][1] + column
        scores[grid][0, cell, LABELS.index(label)] = score
        for side, distance in enumerate(distances):
            spreads[grid][0, cell, 8 * side + distance] = FAR
    return LayoutModel(Path("no file"), lambda _: [*scores, *spreads])


def page(width: int, height: int) -> Image:
    return np.full((height, width, 3), 255, np.uint8)


def rounded(regions: list[Region]) -> list[tuple[str, tuple[int, ...], float]]:
    return [(label, tuple(map(round, rect)), round(score, 2)) for label, rect, score in regions]


@pytest.mark.parametrize(("width", "height", "scale"), [(608, 800, (1, 1)), (1216, 400, (2, 0.5))])
def test_a_box_is_as_far_from_its_cell_as_the_model_says(width: int, height: int, scale: tuple[float, float]) -> None:
    found = answering((32, 9, 10, "table", 0.9, (5, 3, 7, 2))).find_regions(page(width, height))
    x, y = 9.5 * 32, 10.5 * 32
    rect = (x - 5 * 32, y - 3 * 32, x + 7 * 32, y + 2 * 32)
    assert rounded(found) == [("table", tuple(round(v * scale[n % 2]) for n, v in enumerate(rect)), 0.9)]


def test_of_the_same_box_found_twice_the_surer_one_is_kept_but_not_of_another_label() -> None:
    box = (3, 3, 3, 3)
    found = answering(
        (16, 9, 10, "text", 0.7, box), (16, 9, 11, "text", 0.8, box), (16, 10, 10, "title", 0.5, box)
    ).find_regions(page(608, 800))
    assert [(region.label, round(region.score, 1)) for region in found] == [("text", 0.8), ("title", 0.5)]


def test_boxes_end_at_the_edges_of_the_page() -> None:
    ((_, rect, _),) = answering((64, 0, 0, "figure", 0.9, (7, 7, 1, 1))).find_regions(page(608, 800))
    assert rect[:2] == (0, 0)


def test_what_the_model_hardly_believes_is_no_region() -> None:
    assert answering((64, 5, 5, "figure", 0.29, (1, 1, 1, 1))).find_regions(page(608, 800)) == []
