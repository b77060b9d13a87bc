"""The four pages that the pictures of docs/results.md show: drawn from docs/samples by Chromium, and read.

A form, a Chinese report and a receipt are read by the CPU engine. The paper has what that engine does not tell, formulas and
figures: its blocks are what its own HTML says, in the notation of DeepSeek-OCR.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from PIL import Image
from playwright.sync_api import Page as Tab

from ocr_celery.core import prompts
from ocr_celery.core.grounding import Block, render_blocks
from ocr_celery.core.reading import Reading
from ocr_celery.engine.rapid.engine import RapidEngine
from ocr_celery.task_results import result_dict
from tests.testlib.engine_probe import engine_request

SAMPLES = Path(__file__).parent / "samples"
_NAMES = ("paper", "form", "report-zh", "receipt")
_FIND_BLOCKS = """() => [...document.querySelectorAll('[data-label]')].map(found => {
    const {left, top, right, bottom} = found.getBoundingClientRect()
    const rows = found.innerHTML.replace(/\\s*\\n\\s*|<.?tbody>/g, '')
    const text = found.dataset.text ?? (found.tagName === 'TABLE' ? `<table>${rows}</table>` : found.innerText)
    const page = document.body.getBoundingClientRect()
    return [found.dataset.label, [left / page.width, top / page.height, right / page.width, bottom / page.height], text]
})"""


@dataclass(frozen=True)
class SamplePage:
    """A page as a PNG, and the result of its reading."""

    name: str
    file: Path
    result: Mapping[str, Any]


def sample_pages(tab: Tab, folder: Path) -> Iterator[SamplePage]:
    """Draw and read each; its picture goes into the folder. `tab`: of a browser, with two pixels a point."""
    for name in _NAMES:
        tab.goto((SAMPLES / f"{name}.html").as_uri())
        file, body = folder / f"{name}.png", tab.locator("body")
        body.screenshot(path=file)
        with Image.open(file) as image:
            image.load()
        found = tab.evaluate(_FIND_BLOCKS)
        yield SamplePage(name, file, _written(found, image) if found else _read(name, image.convert("RGB")))


def _written(found: list[Any], image: Image.Image) -> dict[str, Any]:
    blocks = [Block(label, (tuple(round(999 * at) for at in box),), text) for label, box, text in found]
    return {"text": render_blocks(blocks), "width": image.width, "height": image.height, "verdict": "ok"}


def _read(name: str, image: Image.Image) -> dict[str, Any]:
    outcomes: SimpleQueue[Any] = SimpleQueue()
    engine = RapidEngine(1)
    engine.start(outcomes.put, outcomes.put)
    try:
        request = engine_request(name, image, prompts.MARKDOWN)
        engine.enter([request])
        (outcome,) = outcomes.get()
    finally:
        engine.stop()
    assert isinstance(outcome.result, Reading), outcome
    return result_dict([outcome.result], request.page, engine="", model="", waited=0, prepared=0, read=0)
