"""Limits the tokens of an answer to what prompt and picture leave of the model's context."""

from ocr_celery.errors import PromptTooLong


def answer_tokens(requested: int, *, prompt: int, image: int, max_model_len: int) -> int:
    """The most tokens of an answer: `requested`, or fewer if prompt, picture and answer exceed `max_model_len`.

    Raises `PromptTooLong` where not one is left.
    """
    remaining = max_model_len - prompt - image
    if remaining < 1:
        raise PromptTooLong(
            f"The prompt of {prompt} tokens and the picture of {image} leave no room for an answer: "
            f"the model takes {max_model_len} tokens in all."
        )
    return min(requested, remaining)
