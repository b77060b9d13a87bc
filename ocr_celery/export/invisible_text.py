"""The lines of a page as a PDF content stream: not drawn (text rendering mode 3), but found and selected."""

from collections.abc import Iterator, Mapping
from math import cos, pi, sin

from ocr_celery.core.placed_line import PlacedLine
from ocr_celery.export.glyphless import DESCENT, runs, text_width, visible
from ocr_celery.export.placed_text import PlacedPage

_MIN_STRETCH, _MAX_STRETCH = 1.0, 2000.0  #: percent of the font's width; what lies outside comes of a box that is wrong

Matrix = tuple[float, float, float, float, float, float]


def text_operators(page: PlacedPage, size: tuple[float, float], fonts: Mapping[int, str], to_page: Matrix) -> bytes:
    """The content stream of a page's lines; it leaves the graphics state as it found it.

    `size`: width and height of the page as it is seen, in units of the PDF; `fonts`: by the plane of Unicode, their names in the
    page's resources; `to_page`: from the page as it is seen, with its origin at the lower left, to the page's own coordinates.
    """
    lines = "\n".join(_line_operators(line, page, size, fonts) for line in page.lines if visible(line.text))
    return f"q\n{' '.join(map(_number, to_page))} cm\n{lines}\nQ\n".encode()


def used_codes(page: PlacedPage) -> Iterator[tuple[int, int]]:
    """(plane, first byte of the code) of the page's characters, each as often as it occurs."""
    for line in page.lines:
        for run in runs(visible(line.text)):
            yield from ((run.plane, first) for first in run.codes[::2])


def _line_operators(line: PlacedLine, page: PlacedPage, size: tuple[float, float], fonts: Mapping[int, str]) -> str:
    text = visible(line.text)
    across, down = size[0] / page.width, size[1] / page.height
    placed = line.within(page.width, page.height).scaled(across, down)
    width, height = placed.right - placed.left, placed.bottom - placed.top
    length, thickness = (height, width) if line.turns % 2 else (width, height)
    stretch = min(max(100_000 * length / (thickness * max(text_width(text), 1)), _MIN_STRETCH), _MAX_STRETCH)
    angle = -line.slant - line.turns * pi / 2  # of PDF: anticlockwise
    cosine, sine = cos(angle), sin(angle)
    x, y = -length / 2, (-0.5 - DESCENT / 1000) * thickness  # where the text begins, from the middle of the line
    middle = (placed.left + placed.right) / 2, size[1] - (placed.top + placed.bottom) / 2
    start = middle[0] + x * cosine - y * sine, middle[1] + x * sine + y * cosine
    matrix = " ".join(map(_number, (cosine, sine, -sine, cosine, *start)))
    shown = " ".join(f"{fonts[run.plane]} {_number(thickness)} Tf <{run.codes.hex()}> Tj" for run in runs(text))
    return f"BT 3 Tr {_number(stretch)} Tz {matrix} Tm {shown} ET"


def _number(value: float) -> str:
    """As PDF writes numbers: never with an exponent."""
    written = f"{value:.4f}".rstrip("0").rstrip(".")
    return written if written not in ("", "-0") else "0"
