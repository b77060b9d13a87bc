"""The last step before HTML leaves: nothing passes but a closed list of tags and attributes, whatever came before.

There are no pictures, no styles, no classes and no ids in it; links lead to web pages and mail addresses only.
"""

import re

import nh3

_TEXT = frozenset(
    "p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code hr br a b i u s em strong sup sub del".split()  # noqa: SIM905
)
_TABLE = frozenset({"table", "thead", "tbody", "tr", "td", "th"})
_MATH = frozenset(
    "math mrow mi mo mn mtext mspace mfrac msqrt mroot msup msub msubsup mover munder munderover mmultiscripts "  # noqa: SIM905
    "mprescripts none mtable mtr mtd mstyle mpadded mphantom menclose".split()
)
_LENGTHS = frozenset({"width", "height", "depth", "voffset", "lspace", "rspace", "minsize", "maxsize", "linethickness"})
_ATTRIBUTES = {
    **{name: {"rowspan", "colspan"} for name in ("td", "th")},
    "a": {"href"},
    "ol": {"start"},
    "math": {"display", "xmlns"},
    "mo": {"stretchy", "fence", "form", "largeop", "movablelimits", "separator", "symmetric", "accent"},
    "mover": {"accent"},
    "munder": {"accentunder"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mtable": {"columnalign", "rowlines", "columnlines", "displaystyle"},
    "mtd": {"columnalign"},
    "menclose": {"notation"},
}
_DEEPEST = 100  #: elements; browsers hold up to 512
_EDGE = re.compile(r"<(/?)(?!br\b|hr\b)[a-z]")
_NUMBERS = frozenset({"rowspan", "colspan", "start", "scriptlevel"})
_LENGTH = re.compile(r"[-+]?(?:[0-9]{1,2}(?:\.[0-9]{1,4})?|\.[0-9]{1,4})(?:em|ex|px|pt|pc|mm|cm|in|mu|%)?")
_NUMBER = re.compile(r"-?[0-9]{1,3}")
_WORDS = re.compile(r"[a-zA-Z -]{1,200}")


class TooDeep(Exception):
    """Elements are nested so deeply that browsers close some by themselves: they would see another tree than was cleaned."""


def sanitize(html: str) -> str:
    """A well-formed fragment with harmless elements only; what is dropped leaves its text, but for scripts and styles.

    Raises `TooDeep`.
    """
    clean = _CLEANER.clean(html.replace("\0", "").encode("utf-8", "replace").decode())
    depth = 0
    for closes in _EDGE.findall(clean):
        depth += -1 if closes else 1
        if depth > _DEEPEST:
            raise TooDeep
    return clean


def _attribute(_: str, name: str, value: str) -> str | None:
    """The value of an attribute that is allowed; None where it is not one that we or a converter of ours write."""
    if name in ("href", "xmlns", "rel"):
        return value
    if name in _LENGTHS:
        return value if _LENGTH.fullmatch(value) else None
    return value if (_NUMBER if name in _NUMBERS else _WORDS).fullmatch(value) else None


_CLEANER = nh3.Cleaner(
    tags=_TEXT | _TABLE | _MATH,
    attributes={
        **{name: set(names) for name, names in _ATTRIBUTES.items()},
        **{name: {*_ATTRIBUTES.get(name, ()), *_LENGTHS, "mathvariant"} for name in _MATH - {"math"}},
        "*": set(),  # otherwise there are some that ammonia allows everywhere
    },
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
)
