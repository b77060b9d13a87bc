"""How many tokens a page may answer with: what was asked, as far as the model has room for it."""

from ocr_celery.errors import PromptTooLong


def answer_tokens(requested: int, *, prompt: int, image: int, max_model_len: int) -> int:
    """The tokens of answer for a page whose prompt and picture take this many, in a model of `max_model_len` tokens in all.

    Raises `PromptTooLong` where there is room for none.
    """
    remaining = max_model_len - prompt - image
    if remaining < 1:
        raise PromptTooLong(
            f"The prompt of {prompt} tokens and the picture of {image} leave no room for an answer: "
            f"the model takes {max_model_len} tokens in all."
        )
    return min(requested, remaining)
