"""How many tokens a page may answer with: what was asked, as far as the model has room for it."""

from ocr_celery.errors import PromptTooLong


def allowed(asked: int, *, prompt: int, picture: int, most: int) -> int:
    """The tokens of answer for a page whose prompt and picture take this many, in a model of `most` tokens in all.

    Raises `PromptTooLong` where there is room for none.
    """
    left = most - prompt - picture
    if left < 1:
        raise PromptTooLong(
            f"The prompt of {prompt} tokens and the picture of {picture} leave no room for an answer: "
            f"the model takes {most} tokens in all."
        )
    return min(asked, left)
