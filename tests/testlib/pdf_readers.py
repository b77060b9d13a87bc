"""What four PDF libraries find in a PDF: the text of each page, and where its words are."""

import html
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pypdfium2
import pytest
from pdfminer.high_level import extract_text
from PIL import Image
from pypdf import PdfReader

Word = tuple[str, float, float, float, float]  #: text; left, top, right, bottom as shares of the page


def poppler_missing() -> bool:
    """Whether this machine has no poppler-utils."""
    return shutil.which("pdftotext") is None


needs_poppler = pytest.mark.skipif(poppler_missing(), reason="needs poppler-utils")


def poppler(path: Path) -> list[str]:
    """By pdftotext, in the order of the content stream."""
    found = subprocess.run(["pdftotext", "-raw", str(path), "-"], capture_output=True, check=True)
    return found.stdout.decode().split("\f")[:-1]


def pdfium(path: Path) -> list[str]:
    """By what Chromium has."""
    with closing(pypdfium2.PdfDocument(path)) as document:
        return [page.get_textpage().get_text_range() for page in document]


def pypdf(path: Path) -> list[str]:
    """By pypdf."""
    return [page.extract_text() for page in PdfReader(path).pages]


def pdfminer(path: Path) -> list[str]:
    """By pdfminer.six."""
    return extract_text(str(path)).split("\f")[:-1]


READERS: dict[str, Callable[[Path], list[str]]] = {
    "pdfium": pdfium,
    "pypdf": pypdf,
    "pdfminer": pdfminer,
    "poppler": poppler,
}


def words(path: Path) -> list[list[Word]]:
    """The words of each page and their places, by pdftotext."""
    found = subprocess.run(
        ["pdftotext", "-bbox", "-cropbox", str(path), "-"], capture_output=True, check=True
    ).stdout.decode()
    with closing(pypdfium2.PdfDocument(path)) as document:  # the size that pdftotext gives is not turned with the page
        sizes = [page.get_size() for page in document]
    return [
        [(html.unescape(text), *_shares(place, size)) for *place, text in _WORD.findall(body)]
        for size, body in zip(sizes, _PAGE.findall(found), strict=True)
    ]


def _shares(place: Sequence[str], size: tuple[float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = map(float, place)
    return left / size[0], top / size[1], right / size[0], bottom / size[1]


_PAGE = re.compile(r"<page .*?>(.*?)</page>", re.DOTALL)
_WORD = re.compile(r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">(.*?)</word>', re.DOTALL)


def pictures(path: Path, *, scale: float = 1.0) -> list[bytes]:
    """The pixels of each page as it is seen."""
    with closing(pypdfium2.PdfDocument(path)) as document:
        return [page.render(scale=scale).to_pil().tobytes() for page in document]


def picture(path: Path) -> Image.Image:
    """The first page as it is seen."""
    with closing(pypdfium2.PdfDocument(path)) as document:
        return document[0].render().to_pil()
