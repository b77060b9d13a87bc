"""Options of a task that no engine sees: which pages of its file, how to open it, what its own text and the cache are used for.

The password is known here by reference only: a message names the key of Redis that holds it (store/passwords.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from ocr_celery.core import options, page_range
from ocr_celery.core.export_formats import RESULT_EXPORTS
from ocr_celery.errors import BadOption

TextLayerUse = Literal["ignore", "fallback", "prefer"]
TEXT_LAYER_USES: tuple[str, ...] = get_args(TextLayerUse)
MAX_PASSWORD = 1024  #: characters


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentOptions:
    """Validated on construction. Raises `BadOption` or `BadPageRange`, which say what is wrong."""

    page_range: str = ""  #: see `core.page_range`; "" = all pages
    password: Any = None  #: a reference, see `store.passwords`; None = none was given
    text_layer: TextLayerUse = "fallback"  #: what the text that a PDF itself has for a page is used for
    cache: bool = True  #: whether pages may be answered from the page cache, and what is read on them is kept there
    outputs: Any = ()  #: formats that are made as soon as the result is there: names, or a text with commas between them

    def __post_init__(self) -> None:
        if not isinstance(self.page_range, str):
            raise BadOption('page_range: must be a text such as "1-5,8".')
        page_range.check_page_range(self.page_range)
        if self.password is not None and not isinstance(self.password, Mapping):
            raise BadOption("password: does not travel in a message; store it with client.store_password first.")
        if self.text_layer not in TEXT_LAYER_USES:
            raise BadOption(f"text_layer: must be one of {', '.join(TEXT_LAYER_USES)}.")
        if not isinstance(self.cache, bool):
            raise BadOption("cache: must be true or false.")
        object.__setattr__(self, "outputs", _output_names(self.outputs))


def _output_names(outputs: Any) -> tuple[str, ...]:
    found = outputs.split(",") if isinstance(outputs, str) else outputs
    if isinstance(found, list | tuple) and all(isinstance(name, str) for name in found):
        names = dict.fromkeys(name.strip() for name in found if name.strip())
        if all(name in RESULT_EXPORTS for name in names):
            return tuple(names)
    raise BadOption(f"outputs: may name {', '.join(RESULT_EXPORTS)}; other formats are made when they are asked for.")


NAMES = tuple(f.name for f in fields(DocumentOptions))
ALL_NAMES = (*options.NAMES, *NAMES)


def read_options(given: Mapping[str, Any], defaults: options.Options) -> tuple[options.Options, DocumentOptions]:
    """The options in a message (None = not given). Raises `BadOption` for an unknown or wrong one."""
    _refuse_unknown(given)
    of_file = {name: given[name] for name in NAMES if given.get(name) is not None}
    of_page = {name: value for name, value in given.items() if name not in NAMES}
    return defaults.updated(of_page), DocumentOptions(**of_file)


def checked_options(given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The given options in the form in which they are sent, and the password, which is not sent ("" = none).

    Raises `BadOption` for an unknown or wrong one, and `BadPageRange`.
    """
    _refuse_unknown(given)
    password = given.get("password") or ""
    if not isinstance(password, str) or len(password) > MAX_PASSWORD:
        raise BadOption(f"password: must be a string of at most {MAX_PASSWORD} characters.")
    of_file = {name: given[name] for name in NAMES if name != "password" and given.get(name) is not None}
    DocumentOptions(**of_file)
    of_page = {name: value for name, value in given.items() if name not in NAMES}
    return {**options.checked_options(of_page), **of_file}, password


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    unknown = sorted(set(given).difference(ALL_NAMES))
    if unknown:
        raise BadOption(f"{unknown[0]}: no such option; the options are {', '.join(sorted(ALL_NAMES))}.")
