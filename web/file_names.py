"""The name under which a caller saves a result: that of the file that was read, which may be any text."""

import re
import unicodedata
from urllib.parse import quote, unquote

_LONGEST = 100  #: characters
_UNKNOWN = "result"
_SUFFIX = re.compile(r"\.[0-9A-Za-z]{1,5}$")
_UNSAFE = re.compile(r'["%*/:;<>?\\|]')  #: has a meaning in a header, or in a path somewhere


def result_name(source: str, suffix: str) -> str:
    """The name of the file with the result of a source, which is a file's name or a URL."""
    is_url = re.match(r"https?://", source) is not None
    last = re.split(r"[/\\]", unquote(source) if is_url else source)[-1]
    printable = "".join(c if c.isprintable() else " " for c in _SUFFIX.sub("", last))
    stem = " ".join(_UNSAFE.sub("_", printable).split()).strip(". …")[:_LONGEST]
    return (stem or _UNKNOWN) + suffix


def content_disposition(name: str, kind: str = "inline") -> str:
    """The header by RFC 6266, for a name made by `result_name`: in ASCII, and whole where that is not the same."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = " ".join(_UNSAFE.sub("_", folded).split())
    if plain == name:
        return f'{kind}; filename="{name}"'
    if plain.startswith("."):
        plain = _UNKNOWN + plain
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"
