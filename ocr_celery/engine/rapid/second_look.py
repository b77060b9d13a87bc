"""Reads doubtful lines again, cut out of a larger picture of the page: the detector's scale takes strokes from small print.

The clearly more confident of both readings counts. How many lines are read again follows from how many there are, not from
a clock.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ocr_celery.engine.rapid.confidence import Recognition, is_doubtful, is_noise
from ocr_celery.engine.rapid.orientation import Boxes, Image, LineRecognizer

_MIN_SCALE = 1.1  #: of the larger picture; a smaller one shows nothing new
_MIN_GAIN = 0.02  #: of confidence, for another text to count
_MIN_CONFIDENCE = 0.75  #: of a line that was taken for noise
_MOST_SHARE, _MOST_LINES = 0.25, 8  #: of a page's lines, or so many where those are fewer: the least confident


def read_doubtful_lines_again(
    models: LineRecognizer, larger: Callable[[], Image], scale: float, boxes: Boxes, read: Sequence[Recognition]
) -> list[Recognition]:
    """The lines in these boxes, the doubtful ones as they are read best.

    `larger`: the page `scale` times as large as the one that the boxes are of, upright too; it is asked for only if it is needed.
    """
    doubtful = sorted((index for index, line in enumerate(read) if is_doubtful(line)), key=lambda index: read[index][1])
    chosen = doubtful[: max(_MOST_LINES, int(_MOST_SHARE * len(read)))]
    if not chosen or scale < _MIN_SCALE:
        return list(read)
    again = models.recognize(models.crop_lines(larger(), boxes[chosen] * np.float32(scale)))
    better = {index: _better(read[index], second) for index, second in zip(chosen, again, strict=True)}
    return [better.get(index, line) for index, line in enumerate(read)]


def _better(first: Recognition, second: Recognition) -> Recognition:
    """The more confident reading. Where they differ in blanks only, no blank is lost: narrow ones are what is least certain."""
    if "".join(first[0].split()) == "".join(second[0].split()):
        return max(first[0], second[0], key=_blanks), max(first[1], second[1])
    needed = max(first[1] + _MIN_GAIN, _MIN_CONFIDENCE if is_noise(first) else 0.0)
    return second if second[1] >= needed else first


def _blanks(text: str) -> int:
    return sum(map(str.isspace, text.strip()))
