"""How rapidocr's models are asked: bounded pictures, boxes within the page, and nothing for nothing."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from ocr_celery.engine.rapid.models import MAX_SIDE, RapidOcrModels, scale_down
from ocr_celery.engine.rapid.orientation import Boxes, Image


class RecordingOcr:
    """Has the methods of rapidocr; answers what it is given to answer, and keeps the pictures it was shown."""

    def __init__(self, *, boxes: Any = None, labels: Any = (), texts: Any = ()) -> None:
        self.boxes, self.labels, self.texts = boxes, labels, texts
        self.shown: list[Any] = []

    def text_det(self, image: Image) -> Any:
        self.shown.append(image)
        return SimpleNamespace(boxes=self.boxes)

    def crop_text_regions(self, image: Image, boxes: list[Boxes]) -> list[Image]:
        self.shown += boxes
        return [image for _ in boxes]

    def text_cls(self, crops: list[Image]) -> Any:
        self.shown += crops
        return SimpleNamespace(cls_res=self.labels)

    def text_rec(self, wanted: Any) -> Any:
        self.shown.append(wanted)
        return SimpleNamespace(txts=[text for text, _ in self.texts], scores=[score for _, score in self.texts])


def blank(width: int, height: int, colour: int = 255) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def models(ocr: RecordingOcr) -> RapidOcrModels:
    return RapidOcrModels(ocr, dict)


def test_boxes_are_kept_within_the_picture() -> None:
    found = models(RecordingOcr(boxes=[[(-4, 3), (250, 3), (250, 99), (-4, 99)]])).detect_lines(blank(200, 80))
    assert found.dtype == np.float32
    assert found.tolist() == [[[0, 3], [200, 3], [200, 80], [0, 80]]]


def test_a_picture_in_which_nothing_is_found_has_no_boxes() -> None:
    assert models(RecordingOcr()).detect_lines(blank(200, 80)).shape == (0, 4, 2)


@pytest.mark.parametrize(("width", "height"), [(7, 200), (200, 7), (1, 1)])
def test_a_picture_too_small_to_hold_text_is_shown_to_no_model(width: int, height: int) -> None:
    ocr = RecordingOcr(boxes=[[(0, 0)] * 4])
    assert models(ocr).detect_lines(blank(width, height)).shape == (0, 4, 2)
    assert ocr.shown == []


@pytest.mark.parametrize(
    ("size", "shown"), [((1000, 20), (400, 1000)), ((20, 1000), (1000, 400)), ((1000, 400), (400, 1000))]
)
def test_a_long_thin_picture_is_padded_in_the_colour_of_its_edge(size: tuple[int, int], shown: tuple[int, int]) -> None:
    ocr = RecordingOcr()
    models(ocr).detect_lines(blank(*size, colour=40))
    assert ocr.shown[0].shape == (*shown, 3)
    assert (ocr.shown[0] == 40).all()


def test_a_box_with_hardly_any_area_is_cut_a_little_larger() -> None:
    ocr = RecordingOcr()
    thin = np.array([(10, 10), (90, 10), (90, 11), (10, 11)], np.float32)
    usual = np.array([(10, 10), (90, 10), (90, 30), (10, 30)], np.float32)
    assert len(models(ocr).crop_lines(blank(100, 50), np.stack([thin, usual]))) == 2
    assert [box.tolist() for box in ocr.shown] == [[[9, 9], [91, 9], [91, 12], [9, 12]], usual.tolist()]


def test_lines_that_the_classifier_labels_180_are_inverted() -> None:
    ocr = RecordingOcr(labels=[("0", 0.9), ("180", 0.8)])
    assert models(ocr).classify_inverted([blank(50, 20), blank(60, 20)]) == [False, True]


def test_lines_are_read_with_their_confidence() -> None:
    ocr = RecordingOcr(texts=[("one", np.float32(0.5)), ("two", np.float32(1))])
    assert models(ocr).recognize([blank(50, 20), blank(60, 20)]) == [("one", 0.5), ("two", 1.0)]
    assert ocr.shown[0]["return_word_box"] is False


def test_no_lines_are_read_by_no_model() -> None:
    ocr = RecordingOcr()
    assert models(ocr).recognize([]) == []
    assert ocr.shown == []


@pytest.mark.parametrize(
    ("size", "scaled"),
    [
        ((MAX_SIDE, 900), (MAX_SIDE, 900)),
        ((2560, 1000), (1280, 500)),
        ((1000, 2560), (500, 1280)),
        ((9000, 3), (1280, 1)),
    ],
)
def test_a_picture_is_scaled_down_to_its_longer_side_and_never_up(
    size: tuple[int, int], scaled: tuple[int, int]
) -> None:
    assert scale_down(Pillow.new("RGB", size)).size == scaled
