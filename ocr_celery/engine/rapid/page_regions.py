"""Which regions of the layout model are believed on a page, and which of them a line stands in.

The model has learnt documents. A photo, a receipt or a form it takes for one large figure, and then nothing it says is believed.
"""

from collections.abc import Iterable, Sequence

from ocr_celery.engine.rapid.geometry import Area, Line, Rect
from ocr_celery.engine.rapid.layout_model import Region

_MIN_SCORE = 0.5
_MOST_IN_FIGURE = 0.5  #: share of a page's lines in one figure; with more the page is a picture to the model
_MIN_WITHIN = 0.7  #: share of a line's width within the region that it stands in
_SURE_TEXT = 0.85  #: score of a region that is text whatever its lines look like
_MIN_TEXT, _MAX_TABLE = 0.7, 0.3  #: shares of an area that such a region covers, and one of a table


class PageRegions:
    """The believed regions of one page, the surest first; none without a layout model."""

    def __init__(self, regions: Iterable[Region], lines: Sequence[Line]) -> None:
        sure = sorted((r for r in regions if r.score >= _MIN_SCORE), key=lambda r: -r.score)
        pictures = [r.rect for r in sure if r.label == "figure"]
        is_picture = any(len(lines_within(lines, rect)) > _MOST_IN_FIGURE * len(lines) for rect in pictures)
        self.all: list[Region] = [] if is_picture else sure

    def labelled(self, *labels: str) -> list[Region]:
        """Those with one of these labels."""
        return [r for r in self.all if r.label in labels]

    def region_of(self, line: Line) -> Region | None:
        """The surest region that the line stands in."""
        return next((r for r in self.all if _stands_in(line, r.rect)), None)

    def is_running_text(self, area: Area) -> bool:
        """Whether the model is sure that most of an area is text, and sees no table there."""
        texts = [r for r in self.labelled("text") if r.score >= _SURE_TEXT]
        return _covered(area, texts) >= _MIN_TEXT and _covered(area, self.labelled("table")) < _MAX_TABLE


def lines_within(lines: Iterable[Line], rect: Rect) -> list[Line]:
    """The lines whose middles are in the rectangle."""
    return [li for li in lines if rect[0] <= li.x <= rect[2] and rect[1] <= li.y <= rect[3]]


def overlap_share(area: Area, rect: Rect) -> float:
    """The share of the area that the rectangle covers."""
    width = min(area.right, rect[2]) - max(area.left, rect[0])
    height = min(area.bottom, rect[3]) - max(area.top, rect[1])
    return max(0.0, width) * max(0.0, height) / max(1.0, area.width * area.height)


def _covered(area: Area, regions: Iterable[Region]) -> float:
    """The largest share of the area that one of the regions covers."""
    return max((overlap_share(area, region.rect) for region in regions), default=0.0)


def _stands_in(line: Line, rect: Rect) -> bool:
    width = min(line.right, rect[2]) - max(line.left, rect[0])
    return rect[1] <= line.y <= rect[3] and width >= _MIN_WITHIN * line.width
