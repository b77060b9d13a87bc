"""When a page was read before: all that its answer depends on goes into one key, exactly, so that only the same page has it.

A picture that merely looks the same does not: two forms that differ in a sum look the same to any perceptual hash.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ocr_celery.core import placed_line, verdict
from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.core.verdict import Verdict

#: Our own part of a reading, between the page's pixels and its text: how engines are used, what is read again, what is kept.
#: Raised whenever that may change an answer; tests/unit/test_page_cache.py notices. (What changes the pixels is in the key.)
READING_VERSION = 12
MAX_ENTRY = 256 * 1024  #: bytes of a reading that is kept; a dense page has some 10,000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads a page, as far as the answer depends on it."""

    engine: str
    model: str
    revision: str  #: of the model and of the programs that run it, see `Engine.revision`
    max_rereads: int
    default_max_tokens: int  #: see `core.reread_policy`


def is_repeatable(options: Options) -> bool:
    """Whether the same page is to be answered the same: a sender that sets a temperature asks for another answer each time."""
    return options.temperature == 0


def page_key(page: Page, options: Options, reader: Reader, *, owner: str = "") -> str:
    """The key of a decoded page, 64 hexadecimal digits. `owner`: whose pages alone have it; "" where all share it."""
    told: dict[str, Any] = {
        "version": READING_VERSION,
        "owner": owner,
        "reader": asdict(reader),
        "options": options.as_dict(),
        "size": [*page.image.size, page.width, page.height],
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    digest.update(page.image.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class KeptReading:
    """A reading that a page may be answered with."""

    reading: Reading
    times: int  #: how often the page was read for it


def pack(readings: Sequence[Reading]) -> str:
    """What is kept of these readings of a page: the best; "" where that is doubtful, or too long."""
    best = verdict.best(readings)
    if verdict.judge(best) is not Verdict.OK:
        return ""
    text = json.dumps({**asdict(best), "times": len(readings)})
    return text if len(text) <= MAX_ENTRY else ""


def unpack(text: str | bytes) -> KeptReading | None:
    """What `pack` made; None for any other text."""
    try:
        fields = json.loads(text)
        times, lines = fields.pop("times"), fields.pop("lines")
        kept = KeptReading(Reading(**fields, lines=tuple(placed_line.from_json(lines))), times)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    numbers = (times, kept.reading.prompt_tokens, kept.reading.output_tokens, kept.reading.max_tokens)
    texts = (kept.reading.text, kept.reading.finish_reason)
    is_whole = all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)
    is_whole = is_whole and _is_share(kept.reading.doubtful_share)
    return kept if is_whole and verdict.judge(kept.reading) is Verdict.OK else None


def _is_share(value: object) -> bool:
    return value is None or (isinstance(value, float) and 0 <= value <= 1)
