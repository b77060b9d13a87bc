"""What an engine says of one page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The text of one page as the engine gave it."""

    text: str  #: plain text, or blocks in the model's own language for a grounding prompt (see core/grounding.py)
    finish_reason: str = "stop"  #: "stop": read to its end; "length": max_tokens was reached first
    prompt_tokens: int = 0  #: tokens of prompt and picture; 0 for an engine without tokens
    output_tokens: int = 0
    max_tokens: int = 0  #: what the page was allowed, where that is less than was asked; 0 = as asked
