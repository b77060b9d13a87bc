"""Pages for the generated checkpoint: how a prompt ends decides what it answers (vocabulary.py)."""

from PIL import Image

from ocr_celery.engine.contract import EngineRequest
from tests.testlib.engine_probe import engine_request

SENTENCE = "Free OCR."  #: twelve words, then the end
LAYOUT = "<|grounding|>Convert the document to markdown. "  #: 189 tokens, then the end
ROUND = "Again!"  #: four words without end
CIRCLE = " round and again always"  #: what it answers then, again and again: four tokens
MOST = 200  #: tokens of an answer that would not end
CELLS = "A table?"  #: empty cells without end
NO_GUARD = {"ngram_size": 10_000, "window_size": 10_000}  #: longer than any answer here


def page(id: str, prompt: str, width: int = 200, height: int = 150, **options: float) -> EngineRequest:
    """A white page."""
    return engine_request(id, Image.new("RGB", (width, height), "white"), prompt, **options)
