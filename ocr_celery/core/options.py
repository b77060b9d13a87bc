"""Reading options of one page. Pages in one batch may have different options."""

from dataclasses import dataclass, fields
from typing import Any, cast

from ocr_celery.core import prompts
from ocr_celery.errors import BadOption

TEMPERATURE = (0.0, 2.0)
MAX_TOKENS = (1, 16384)
NGRAM_SIZE = (1, 16384)
WINDOW_SIZE = (1, 16384)
MAX_PROMPT = 8192  #: characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Validated on construction. Raises `BadOption`, which names the wrong option."""

    prompt: str = prompts.MARKDOWN
    temperature: float = 0.0  #: 0 = always the most likely token
    max_tokens: int = 8192  #: of the answer
    ngram_size: int = 30  #: tokens; a sequence of this length may not repeat …
    window_size: int = 90  #: … within this many tokens

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or len(self.prompt) > MAX_PROMPT:
            raise BadOption(f"prompt: must be a string of at most {MAX_PROMPT} characters.")
        object.__setattr__(self, "prompt", prompts.normalise(self.prompt))
        _check_number("temperature", self.temperature, TEMPERATURE, whole=False)
        _check_number("max_tokens", self.max_tokens, MAX_TOKENS, whole=True)
        _check_number("ngram_size", self.ngram_size, NGRAM_SIZE, whole=True)
        _check_number("window_size", self.window_size, WINDOW_SIZE, whole=True)

    def as_dict(self) -> dict[str, Any]:
        """The options by name."""
        return {name: getattr(self, name) for name in NAMES}

    def updated(self, given: dict[str, Any]) -> "Options":
        """These options, replaced by the ones given (None = not given). Raises `BadOption` for an unknown or wrong one."""
        unknown = sorted(set(given).difference(NAMES))
        if unknown:
            raise BadOption(f"{unknown[0]}: no such option; the options are {', '.join(sorted(NAMES))}.")
        return Options(**{**self.as_dict(), **{k: v for k, v in given.items() if v is not None}})


def checked_options(given: dict[str, Any]) -> dict[str, Any]:
    """The given options in the form in which they are sent (None = not given). Raises `BadOption` like `Options.updated`."""
    whole = _DEFAULTS.updated(given)
    return {name: getattr(whole, name) for name in NAMES if given.get(name) is not None}


NAMES = tuple(f.name for f in fields(Options))


def _check_number(name: str, value: object, span: tuple[float, float], *, whole: bool) -> None:
    low, high = span
    number = isinstance(value, int) or (isinstance(value, float) and not whole)
    if not number or isinstance(value, bool) or not low <= cast(float, value) <= high:
        kind = "a whole number" if whole else "a number"
        raise BadOption(f"{name}: must be {kind} between {low:g} and {high:g}.")


_DEFAULTS = Options()
