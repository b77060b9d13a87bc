"""The form of a prompt that a model accepts, and what a prompt asks for.

The prompts the model was trained on are listed at https://github.com/deepseek-ai/DeepSeek-OCR.
"""

from ocr_celery.errors import BadOption

IMAGE_TOKEN = "<image>"
GROUNDING = "<|grounding|>"
MARKDOWN = f"{IMAGE_TOKEN}\n{GROUNDING}Convert the document to markdown."
FREE_OCR = f"{IMAGE_TOKEN}\nFree OCR."


def normalise(prompt: str) -> str:
    r"""The prompt with exactly one ``<image>``, added at its start if missing; a literal ``\n`` becomes a newline.

    Raises `BadOption` for more than one ``<image>``: a task is one page.
    """
    prompt = prompt.replace("\\n", "\n")
    if prompt.count(IMAGE_TOKEN) > 1:
        raise BadOption("prompt: <image> may occur only once, because a task is one page.")
    return prompt if IMAGE_TOKEN in prompt else f"{IMAGE_TOKEN}\n{prompt}"


def wants_blocks(prompt: str) -> bool:
    """Whether the answer should be blocks with coordinates (``<|ref|>…<|det|>…``) rather than plain text."""
    return GROUNDING in prompt
