"""Puts invisible text onto a page of a PDF and leaves all that the page has as it is.

The text comes before the page's own content. So it stands where it should, whatever that content does to the graphics state,
and what is visible is drawn as before.
"""

from collections.abc import Mapping

from pikepdf import Array, Dictionary, Object, Page, Pdf, Stream

from ocr_celery.export.invisible_text import text_operators, used_codes
from ocr_celery.export.page_geometry import seen_page, visible_rectangle
from ocr_celery.export.placed_text import PlacedPage
from ocr_celery.export.text_fonts import TextFonts, compressed_stream

_FONT_NAME = "/OcrText{}"  #: the plane of Unicode; more digits where the page's resources have such a name


def graft_text(pdf: Pdf, page: Page, text: PlacedPage, fonts: TextFonts) -> None:
    """Put these lines onto the page. `pdf`: the one that the page and the fonts are in."""
    used = fonts.use(used_codes(text))
    if not used or text.width < 1 or text.height < 1:
        return
    rectangle = visible_rectangle(_numbers(page.obj.get("/MediaBox")), _numbers(page.obj.get("/CropBox")))
    size, to_page = seen_page(rectangle, _rotation(page.obj.get("/Rotate")))
    operators = text_operators(text, size, _add_fonts(page.obj, used), to_page)
    page.obj.Contents = Array([compressed_stream(pdf, operators), *_contents(page.obj.get("/Contents"))])


def _add_fonts(page: Object, fonts: Mapping[int, Object]) -> dict[int, str]:
    """Add the fonts to the resources of the page; their names there, by plane.

    The dictionaries are copied: other pages may share them.
    """
    resources = _copied(page.get("/Resources"))
    known = _copied(resources.get("/Font"))
    names: dict[int, str] = {}
    for plane, font in fonts.items():
        number, name = plane, _FONT_NAME.format(plane)
        while name in known:
            number += 1000
            name = _FONT_NAME.format(number)
        known[name] = font
        names[plane] = name
    resources.Font = known
    page.Resources = resources
    return names


def _copied(found: object) -> Dictionary:
    return Dictionary(dict(found.items())) if isinstance(found, Dictionary) else Dictionary()


def _contents(found: object) -> list[Object]:
    """The page's own content streams, as they are."""
    if isinstance(found, Array):
        return [part for part in found if isinstance(part, Stream)]
    return [found] if isinstance(found, Stream) else []


def _numbers(found: object) -> list[float]:
    if not isinstance(found, Array):
        return []
    try:
        return [float(number) for number in found]
    except (TypeError, ValueError):
        return []


def _rotation(found: object) -> int:
    try:
        return int(found)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError, OverflowError):
        return 0
