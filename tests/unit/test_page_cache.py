"""A page is the same as one that was read before only if everything is that its answer depends on."""

import ast
import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocr_celery.core import page_cache
from ocr_celery.core.options import NAMES, Options
from ocr_celery.core.page import Page
from ocr_celery.core.page_cache import READING_VERSION, KeptReading, Reader, is_repeatable, pack, page_key, unpack
from ocr_celery.core.placed_line import PlacedLine
from ocr_celery.core.reading import Reading
from tests.testlib.processes import ROOT

READER = Reader(engine="vllm", model="m", revision="1", max_rereads=2, default_max_tokens=8192)
OTHER_OPTIONS = {"prompt": "<image>other", "temperature": 0.1, "max_tokens": 7, "ngram_size": 7, "window_size": 7}


def picture(width: int = 6, height: int = 4, dot: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    image.putpixel((1, 1), dot)
    return image


def page(image: Image.Image | None = None, **more: Any) -> Page:
    return Page(image=image or picture(), **{"width": 60, "height": 40, **more})


def key(page: Page, options: Options | None = None, reader: Reader = READER, **more: Any) -> str:
    return page_key(page, options or Options(), reader, **more)


def test_the_same_page_has_the_same_key_wherever_it_stands_in_whichever_file() -> None:
    known = {"pages": 9, "number": 7, "text_layer": "text", "text_plausible": True, "fonts_missing": True}
    assert key(page()) == key(page(picture(), **known))


@pytest.mark.parametrize("name", NAMES)
def test_another_option_is_another_key(name: str) -> None:
    assert key(page()) != key(page(), replace(Options(), **{name: OTHER_OPTIONS[name]}))


@pytest.mark.parametrize(
    "other",
    [
        {"engine": "rapidocr"},
        {"model": "n"},
        {"revision": "2"},
        {"max_rereads": 0},
        {"default_max_tokens": 100},
    ],
)
def test_another_reader_is_another_key(other: dict[str, Any]) -> None:
    assert key(page()) != key(page(), reader=replace(READER, **other))


@pytest.mark.parametrize(
    "other",
    [
        page(picture(dot=(0, 0, 1))),
        page(picture().transpose(Image.Transpose.ROTATE_180)),
        page(Image.frombytes("RGB", (4, 6), picture().tobytes())),
        page(width=61),
        page(height=41),
    ],
    ids=["a pixel", "turned", "the same bytes in another shape", "width of the file", "height of the file"],
)
def test_another_picture_is_another_key(other: Page) -> None:
    assert key(page()) != key(other)


def test_another_owner_and_another_way_of_reading_are_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key(page())
    assert key(page(), owner="a") not in (before, key(page(), owner="b"))
    monkeypatch.setattr(page_cache, "READING_VERSION", READING_VERSION + 1)
    assert key(page()) != before


@pytest.mark.parametrize(("temperature", "repeatable"), [(0, True), (0.0, True), (0.01, False)])
def test_a_page_that_is_read_by_chance_is_not_answered_twice_with_the_same(
    temperature: float, repeatable: bool
) -> None:
    assert is_repeatable(Options(temperature=temperature)) is repeatable


LINE = PlacedLine(1.5, 2, 30, 40, "text", 1, 0.01)
GOOD = Reading(
    text='blocks\n"of" text',
    finish_reason="stop",
    prompt_tokens=3,
    output_tokens=4,
    max_tokens=5,
    lines=(LINE,),
    doubtful_share=0.05,
)
LOOP = Reading(text="and so on " * 200)


def test_nothing_of_a_reading_is_lost() -> None:
    plain = [field.name for field in fields(Reading) if getattr(GOOD, field.name) == field.default]
    assert plain == ["finish_reason"], "GOOD is to have something of all that a reading has"
    assert unpack(pack([GOOD])) == KeptReading(GOOD, 1)


def test_what_is_kept_is_the_best_reading_and_how_often_the_page_was_read_for_it() -> None:
    assert unpack(pack([LOOP, GOOD])) == KeptReading(GOOD, 2)


@pytest.mark.parametrize(
    "doubtful",
    [
        LOOP,
        Reading(text=" "),
        replace(GOOD, finish_reason="length"),
        replace(GOOD, doubtful_share=0.5),
    ],
    ids=["repeating", "empty", "truncated", "unsure"],
)
def test_a_doubtful_reading_is_not_kept(doubtful: Reading) -> None:
    assert pack([doubtful]) == ""


def test_a_reading_longer_than_an_entry_may_be_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    length = len(pack([GOOD]))
    monkeypatch.setattr(page_cache, "MAX_ENTRY", length)
    assert pack([GOOD])
    assert pack([replace(GOOD, text=f"{GOOD.text} x")]) == ""


@pytest.mark.parametrize(
    "text",
    [
        *("", "no JSON", "[]", "7", "{}", '{"times": 1}', '{"times": 1, "text": "a", "more": 2}', "[" * 100_000),
        *('{"times": 1, "text": 7}', '{"times": "1", "text": "a"}', '{"times": 1, "text": "a", "output_tokens": null}'),
        *('{"times": 1, "text": ""}', '{"times": 1, "text": "a", "lines": [], "doubtful_share": "0"}'),
        *(f'{{"times": 1, "text": "a", "lines": [], "doubtful_share": {share}}}' for share in ("-0.1", "NaN", "1")),
        b"\xff\xfe",
    ],
)
def test_anything_else_that_lies_in_its_place_is_no_reading(text: str | bytes) -> None:
    assert unpack(text) is None


# -- our own way of reading ----------------------------------------------------------------------------------------------

#: what lies between a page's pixels and its answer, as it was when READING_VERSION was last looked at
READ_BY = {
    "core/grounding.py": "c9dbcb4205f9",
    "core/line_joining.py": "398f20a17326",
    "core/prompts.py": "cb7a15672eee",
    "core/reread_policy.py": "7317cba4c659",
    "core/verdict.py": "a4e6e7d2a9c1",
    "engine/rapid/*.py": "ba614c66e53e",
    "engine/vllm/model.py": "c273eb22c00c",
    "engine/vllm/tiling.py": "2a86d698aa70",
    "engine/vllm/token_budget.py": "8664c01e07f8",
}


@pytest.mark.parametrize("modules", READ_BY)
def test_a_change_of_our_own_way_of_reading_is_noticed(modules: str) -> None:
    now = _digest(sorted((ROOT / "ocr_celery").glob(modules)))
    assert now == READ_BY[modules], (
        f"{modules} has changed. Where an answer may change with it, raise READING_VERSION in core/page_cache.py, so that "
        f"no page is answered with what was read before; then write {now!r} here."
    )


def _digest(paths: Sequence[Path]) -> str:
    """Of modules without what changes no answer: docstrings, comments, empty lines, and their names."""
    return hashlib.sha256("\n".join(map(_code, paths)).encode()).hexdigest()[:12]


def _code(path: Path) -> str:
    source = path.read_text()
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            for number in range(docstring.lineno - 1, docstring.end_lineno or 0):
                lines[number] = ""
    return "\n".join(line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
