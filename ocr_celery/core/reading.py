"""The answer of an engine for one page."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_celery.core.placed_line import PlacedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The text of one page, and how it came about."""

    text: str  #: plain text, or blocks in the model's own language for a grounding prompt (see core/grounding.py)
    finish_reason: str = "stop"  #: "stop": complete; "length": max_tokens was reached first
    prompt_tokens: int = 0  #: of prompt and image; 0 for an engine without tokens
    output_tokens: int = 0
    max_tokens: int = 0  #: the limit that applied, where it is lower than the one requested; 0 = as requested
    #: in reading order, in pixels of the picture; () for an engine that knows blocks only
    lines: Sequence[PlacedLine] = ()
    #: of the characters, 0 to 1: those that the engine doubts; None for an engine that cannot tell
    doubtful_share: float | None = None
