"""Recognises documents that are not read, so that their sender learns how to convert them to PDF. Decodes nothing."""

import os
import re
from typing import BinaryIO

_OFFICE = "soffice --headless --convert-to pdf FILE"
_SEARCHED_BYTES = 64 * 1024  #: at the start of a ZIP file and at its end, where the names of its members stand

#: what a file begins with: its format, and the command that makes a PDF of it
_BY_START = (
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an office document (doc, xls, ppt)", _OFFICE),
    (re.compile(rb"\s{0,64}\{\\rtf"), "an RTF document", _OFFICE),
    (re.compile(rb"AT&TFORM.{4}DJV", re.DOTALL), "a DjVu document", "ddjvu -format=pdf FILE.djvu FILE.pdf"),
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "a PostScript file (ps, eps)", "ps2pdf FILE"),
)
#: the same for ZIP files, by the first member of some, which is not compressed
_BY_MIMETYPE = (
    (b"mimetypeapplication/epub+zip", "an EPUB book", "ebook-convert FILE.epub FILE.pdf"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file (odt, ods, odp)", _OFFICE),
)
#: and of Office's by a folder of theirs, where a header of a member names it: compressed data may have these letters, too
_OFFICE_FOLDER = re.compile(rb"(?:PK\x03\x04.{26}|PK\x01\x02.{42})(word|xl|ppt)/", re.DOTALL)
_BY_FOLDER = {
    b"word": "a Word document (docx)",
    b"xl": "an Excel workbook (xlsx)",
    b"ppt": "a PowerPoint presentation (pptx)",
}


def find_advice(start: bytes, file: BinaryIO) -> str:
    """What to tell the sender of this file, whose first bytes are `start`; "" if it is no document that is known."""
    for pattern, format, command in _BY_START:
        if pattern.match(start):
            return _advice(format, command)
    if start.startswith(b"PK\3\4"):
        searched = _head_and_tail(file)
        for mimetype, format, command in _BY_MIMETYPE:
            if mimetype in searched:
                return _advice(format, command)
        folder = _OFFICE_FOLDER.search(searched)
        if folder and b"[Content_Types].xml" in searched:
            return _advice(_BY_FOLDER[folder[1]], _OFFICE)
    return ""


def _head_and_tail(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(_SEARCHED_BYTES)
    file.seek(max(len(head), size - _SEARCHED_BYTES))
    return head + file.read(_SEARCHED_BYTES)


def _advice(format: str, command: str) -> str:
    return f"This is {format}, which is not read. Convert it to PDF and send that: {command}"
