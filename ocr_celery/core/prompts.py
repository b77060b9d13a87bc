"""What a prompt must look like before a model sees it, and what it asks for.

The prompts the model was trained on are listed at https://github.com/deepseek-ai/DeepSeek-OCR.
"""

from ocr_celery.errors import BadOption

IMAGE = "<image>"
GROUNDING = "<|grounding|>"
MARKDOWN = f"{IMAGE}\n{GROUNDING}Convert the document to markdown."
FREE_OCR = f"{IMAGE}\nFree OCR."


def normalise(prompt: str) -> str:
    r"""The prompt as the model wants it: a literal ``\n`` is a newline, and it begins with one ``<image>``.

    Raises `BadOption` for more than one ``<image>``: a task is one page.
    """
    prompt = prompt.replace("\\n", "\n")
    if prompt.count(IMAGE) > 1:
        raise BadOption("prompt: <image> may occur only once, because a task is one page.")
    return prompt if IMAGE in prompt else f"{IMAGE}\n{prompt}"


def wants_blocks(prompt: str) -> bool:
    """Whether the answer should be blocks with their place on the page (``<|ref|>…<|det|>…``) rather than plain text."""
    return GROUNDING in prompt
