"""A result as one HTML file that can be read and printed anywhere: it runs nothing and fetches nothing.

What pages say goes through the sanitizer, block by block; what stands around it is ours. The file itself tells browsers to fetch
and run nothing in it, as its answer does.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from html import escape

from ocr_celery.core.blocks import PageBlock
from ocr_celery.core.markdown import PICTURES
from ocr_celery.core.result_formats import ResultFormat, ResultHead
from ocr_celery.core.result_page import PENDING, ResultPage
from ocr_celery.errors import OcrError
from ocr_celery.export.block_html import blocks_html
from ocr_celery.export.html_style import STYLE

#: the address of the picture of a block: its page, and its index among the blocks of this page; "" where there is none
FindPicture = Callable[[int, int], str]

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
#: the Content-Security-Policy of an answer with it; a document cannot say all of it by itself
SECURITY_POLICY = f"{_POLICY}; frame-ancestors 'none'; sandbox"

_CLASSES = {
    **{label: label for label in ("header", "footer", "page_number")},
    **{f"{kind}caption": "caption" for kind in ("", "table_", "figure_", "image_")},
    **dict.fromkeys(("footnote", "table_footnote", "reference", "aside_text"), "footnote"),
    "figure_title": "caption",
}
_KANA, _HANGUL = re.compile("[\u3041-\u30ff]"), re.compile("[\uac00-\ud7a3]")
_HAN, _LETTER = re.compile("[\u4e00-\u9fff]"), re.compile(r"[^\W\d_]")
_ENOUGH = 8  #: one in so many letters says which language a page is in


class HtmlDocument:
    """Writes a standalone HTML document: a section for each page, its blocks in reading order.

    `find_picture`: where the pictures are that the blocks of kind image, figure, chart or seal show, in addresses of ours.
    """

    def __init__(self, head: ResultHead, find_picture: FindPicture | None = None) -> None:
        self._head, self._find_picture = head, find_picture

    def begin(self) -> str:
        """Everything before the first page."""
        policy = _POLICY + ("; img-src 'self' file: data:" if self._find_picture else "")
        return (
            f'<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="referrer" content="no-referrer">\n'
            f"<title>{_text(self._head.title or self._head.task_id)}</title>\n"
            f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        )

    def add(self, page: ResultPage) -> str:
        """The section of the next page."""
        place = f'<p class="place"><a href="#page-{page.number}">page {page.number}</a></p>\n'
        inner = _why_missing(page) if page.missing else self._blocks(page)
        return (
            f'<section id="page-{page.number}"{_language(page)}>\n'
            f"{place if self._head.is_document or page.missing else ''}{inner}</section>\n"
        )

    def end(self) -> str:
        """The end of the document."""
        return "</main>\n</body>\n</html>\n"

    def _blocks(self, page: ResultPage) -> str:
        blocks = page.blocks()
        shown = zip(blocks, blocks_html(blocks), strict=True)
        return "".join(self._block(page.number, at, block, html) for at, (block, html) in enumerate(shown))

    def _block(self, page: int, at: int, block: PageBlock, html: str) -> str:
        if block.label not in PICTURES:
            return f'<div class="{_CLASSES.get(block.label, "")} block">\n{html}\n</div>\n' if html else ""
        address = self._find_picture(page, at) if self._find_picture else ""
        picture = (
            f'<img src="{escape(address)}" alt="{block.label}">'
            if address
            else f"<figcaption>{block.label}</figcaption>"
        )
        text = f'<div class="block">\n{html}\n</div>\n' if html else ""  # within, pandoc would drop it
        return f"<figure>{picture}</figure>\n{text}"


def _why_missing(page: ResultPage) -> str:
    if page.missing == PENDING:
        return '<p class="missing">Not read yet.</p>\n'
    why = page.result.message if isinstance(page.result, OcrError) else ""
    return f'<p class="missing">{_text(why)} (<code>{_text(page.missing)}</code>)</p>\n'


def _text(text: str) -> str:
    return escape(text.replace("\0", " "))


def _language(page: ResultPage) -> str:
    """The attribute `lang`, where the letters tell: it decides which form of a Chinese character is shown."""
    text = "".join(block.text for block in page.blocks())
    letters = len(_LETTER.findall(text))
    for name, script in (("ja", _KANA), ("ko", _HANGUL), ("zh", _HAN)):
        if len(script.findall(text)) * _ENOUGH > letters:
            return f' lang="{name}"'
    return ""


HTML = ResultFormat("text/html; charset=utf-8", ".html", HtmlDocument)
