"""Joins the Word files that pandoc made of the portions of a document, and puts the figures into the place of their stand-ins.

Pandoc holds a document many times over in memory, and a picture some five hundred times: so it gets some pages at once, and of
each figure only a header that tells its size.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

_DOCUMENT, _NUMBERING = "word/document.xml", "word/numbering.xml"
_RELATIONS, _TYPES, _MEDIA = "word/_rels/document.xml.rels", "[Content_Types].xml", "word/media/"
_ROOT = "_rels/.rels"
_JOINED = (_DOCUMENT, _NUMBERING, _RELATIONS, _TYPES, _ROOT)  #: written by us

#: tags with a number or a name that another portion has, too
_TAG = re.compile(
    rb"<(?:w:hyperlink|a:hlinkClick|a:blip|w:bookmarkStart|w:bookmarkEnd|wp:docPr|pic:cNvPr|w:numId|w:num)\b[^>]*>"
)
_NAMED = re.compile(rb'\b(r:id|r:embed|Id)="(rId\d+)"')
_NUMBERED = re.compile(rb'\b(w:id|id|w:val|w:numId)="(\d+)"')
_PICTURE_NAME = re.compile(rb' descr="data:[^"]*"')
_RELATION = re.compile(rb"<Relationship [^>]*/(?:image|hyperlink)\"[^>]*/>")
_TARGET = re.compile(rb'Target="media/([^".]+)[^"]*"')
_LIST_STYLE = re.compile(rb"<w:abstractNum w:abstractNumId=\"(\d+)\".*?</w:abstractNum>", re.DOTALL)
_LIST = re.compile(rb"<w:num .*?</w:num>", re.DOTALL)
_MEDIA_TYPE = re.compile(rb'<Override PartName="/word/media/[^>]*/>|<Default Extension="jpg"[^>]*/>')
_JPEG_TYPE = rb'<Default Extension="jpg" ContentType="image/jpeg" />'
_STEP = 1_000_000  #: between the numbers of two portions

_START = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xfe\x00\x06"
_FRAME, _COLOURS, _END = b"\xff\xc0\x00\x11\x08", b'\x03\x01"\x00\x02\x11\x01\x03\x11\x01', b"\xff\xd9"


def stand_in(number: int, size: tuple[int, int]) -> bytes:
    """A JPEG without pixels that says its size and which figure it stands for."""
    width, height = size
    return b"".join((_START, number.to_bytes(4), _FRAME, height.to_bytes(2), width.to_bytes(2), _COLOURS, _END))


def join_documents(portions: Sequence[Path], target: Path, figure: Callable[[int], Path]) -> None:
    """Write the portions, one at least, as one file. `figure`: the JPEG with this number."""
    joined = _Joined(figure)
    with ZipFile(target, "w", ZIP_DEFLATED) as new:
        _write_first(new, portions[0])
        with new.open(_DOCUMENT, "w") as document:
            for place, path in enumerate(portions):
                with ZipFile(path) as old:
                    document.write(joined.add(place, old, is_last=place == len(portions) - 1))
        joined.write_rest(new, portions)


class _Joined:
    """What the portions have beside their text."""

    def __init__(self, figure: Callable[[int], Path]) -> None:
        self._figure = figure
        self._relations: list[bytes] = []
        self._list_styles: dict[bytes, bytes] = {}
        self._lists: list[bytes] = []

    def add(self, place: int, old: ZipFile, *, is_last: bool) -> bytes:
        """Note it, and return the text of the document that the portion adds."""
        self._relations += (_renamed(found, place) for found in _RELATION.findall(old.read(_RELATIONS)))
        numbering = old.read(_NUMBERING)
        self._list_styles |= {found[1]: found[0] for found in _LIST_STYLE.finditer(numbering)}
        self._lists += (_TAG.sub(lambda tag: _renamed(tag[0], place), found) for found in _LIST.findall(numbering))
        document = old.read(_DOCUMENT)
        begin = document.index(b"<w:body>") + len(b"<w:body>") if place else 0
        end = len(document) if is_last else document.rindex(b"<w:sectPr")
        return _TAG.sub(lambda tag: _renamed(tag[0], place), document[begin:end])

    def write_rest(self, new: ZipFile, portions: Sequence[Path]) -> None:
        """Write the other files."""
        with ZipFile(portions[0]) as first:
            relations, numbering = first.read(_RELATIONS), first.read(_NUMBERING)
            for name in first.namelist():
                if name not in _JOINED and not name.startswith(_MEDIA):
                    new.writestr(name, first.read(name))
        new.writestr(_RELATIONS, _closed(_RELATION.sub(b"", relations), self._relations))
        lists = _LIST.sub(b"", _LIST_STYLE.sub(b"", numbering))
        new.writestr(_NUMBERING, _closed(lists, [*self._list_styles.values(), *self._lists]))
        for place, path in enumerate(portions):
            with ZipFile(path) as old:
                for name in old.namelist():
                    if name.startswith(_MEDIA):
                        self._write_figure(new, f"{_MEDIA}{place}_{Path(name).stem}.jpg", old.read(name))

    def _write_figure(self, new: ZipFile, name: str, found: bytes) -> None:
        number = int.from_bytes(found.removeprefix(_START)[:4])
        new.write(self._figure(number), name, ZIP_STORED)


def _write_first(new: ZipFile, portion: Path) -> None:
    """Write what has to stand at the beginning: by these names, and the document as the third, programs tell a Word file."""
    with ZipFile(portion) as old:
        new.writestr(_TYPES, _closed(_MEDIA_TYPE.sub(b"", old.read(_TYPES)), [_JPEG_TYPE]))
        new.writestr(_ROOT, old.read(_ROOT))


def _renamed(tag: bytes, place: int) -> bytes:
    """The tag, as no other portion has it."""
    tag = _PICTURE_NAME.sub(b' descr=""', tag)
    tag = _TARGET.sub(b'Target="media/%d_\\1.jpg"' % place, tag)
    tag = _NAMED.sub(b'\\1="\\2_%d"' % place, tag)
    return _NUMBERED.sub(lambda found: b'%s="%d"' % (found[1], int(found[2]) + place * _STEP), tag)


def _closed(text: bytes, added: Sequence[bytes]) -> bytes:
    """The XML with this at the end of its root."""
    end = text.rindex(b"</")
    return text[:end] + b"".join(added) + text[end:]
