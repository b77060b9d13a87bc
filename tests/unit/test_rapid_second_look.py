"""Doubtful lines are read again from a larger picture of the page, and the better reading counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from ocr_celery.engine.rapid.confidence import Recognition
from ocr_celery.engine.rapid.orientation import Boxes, Image
from ocr_celery.engine.rapid.second_look import read_doubtful_lines_again

LARGER = np.zeros((2000, 1000, 3), np.uint8)


@dataclass
class LargerLines:
    """Recognises line n, whose box begins n pixels from the left, as `second[n]`, on a page that is twice as large."""

    second: dict[int, Recognition]
    seen: list[int] = field(default_factory=list)

    def crop_lines(self, image: Image, boxes: Boxes) -> list[Image]:
        assert image is LARGER
        self.seen += [round(left / 2) for left in boxes[:, 0, 0].tolist()]
        return [np.full((1, 1, 3), n, np.uint8) for n in self.seen]

    def classify_inverted(self, crops: Sequence[Image]) -> list[bool]:
        raise NotImplementedError

    def recognize(self, crops: Sequence[Image]) -> list[Recognition]:
        return [self.second.get(int(crop[0, 0, 0]), ("", 0.0)) for crop in crops]


def look(first: Sequence[Recognition], models: LargerLines, scale: float = 2.0) -> list[Recognition]:
    boxes = np.asarray([[(n, 0), (n + 9, 0), (n + 9, 9), (n, 9)] for n in range(len(first))], np.float32)
    return read_doubtful_lines_again(models, lambda: LARGER, scale, boxes, first)


def test_a_doubtful_line_is_what_it_is_on_the_larger_picture_if_that_is_more_certain() -> None:
    models = LargerLines({1: ("Congo", 0.93), 2: ("Ghana?", 0.5)})
    first = [("Gabon", 0.99), ("Coogo", 0.87), ("Ghana", 0.9)]
    assert look(first, models) == [("Gabon", 0.99), ("Congo", 0.93), ("Ghana", 0.9)]
    assert sorted(models.seen) == [1, 2]


def test_a_little_more_confidence_is_none_and_noise_needs_much_of_it_to_be_text() -> None:
    models = LargerLines({0: ("(4) V", 0.915), 1: ("Carapes", 0.7), 2: ("Total", 0.8)})
    first = [("(4) √", 0.9), ("~", 0.3), ("?", 0.4)]
    assert look(first, models) == [("(4) √", 0.9), ("~", 0.3), ("Total", 0.8)]


@pytest.mark.parametrize(("first", "second"), [("8 487", "8487"), ("8487", "8 487")])
def test_where_both_agree_but_for_blanks_the_line_is_certain_and_keeps_its_blanks(first: str, second: str) -> None:
    assert look([(first, 0.9)], LargerLines({0: (second, 0.99)})) == [("8 487", 0.99)]
    assert look([(first, 0.9)], LargerLines({0: (second, 0.6)})) == [("8 487", 0.9)]


def test_no_line_is_read_again_where_the_picture_is_hardly_larger_or_nothing_is_doubtful() -> None:
    models = LargerLines({0: ("other", 1.0)})
    assert look([("a", 0.6)], models, scale=1.09) == [("a", 0.6)]
    assert look([("a", 0.95)], models) == [("a", 0.95)]
    assert look([], models) == []
    assert not models.seen


def test_of_a_long_page_at_most_a_quarter_of_the_lines_is_read_again_the_least_certain_of_them() -> None:
    models = LargerLines({})
    first = [("a", 0.9 - n / 1000) for n in range(80)]
    assert look(first, models) == first
    assert sorted(models.seen) == [*range(60, 80)]


def test_of_a_short_page_eight_lines_may_be_read_again() -> None:
    models = LargerLines({})
    look([("a", 0.9)] * 10, models)
    assert len(models.seen) == 8
