"""The parts of a page as block language and as plain text."""

import pytest

from ocr_celery.core import grounding
from ocr_celery.engine.rapid.geometry import Rect
from ocr_celery.engine.rapid.output import render_blocks, render_plain
from ocr_celery.engine.rapid.page_part import PagePart

RECT: Rect = (0.0, 0.0, 1.0, 1.0)


def part(text: str, *, label: str = "text", rect: Rect = RECT) -> PagePart:
    return PagePart(label=label, rect=rect, text=text)


def table(*rows: list[str]) -> PagePart:
    return PagePart(label="table", rect=RECT, cells=list(rows))


def blocks(*parts: PagePart) -> list[grounding.Block]:
    return grounding.parse_blocks(render_blocks(parts, lambda rect: rect))


def test_a_page_without_parts_is_an_empty_text() -> None:
    assert (render_blocks([], lambda rect: rect), render_plain([])) == ("", "")


def test_parts_become_blocks_with_their_label_place_and_text() -> None:
    found = blocks(part("A page", label="title", rect=(0.1, 0.2, 0.3, 0.4)), part("words"))
    assert found == [
        grounding.Block("title", ((99, 199, 300, 400),), "A page"),
        grounding.Block("text", ((0, 0, 999, 999),), "words"),
    ]


def test_a_place_is_never_smaller_than_its_text_nor_outside_the_page() -> None:
    (block,) = blocks(part("words", rect=(-0.5, 0.0004, 0.9996, 1.7)))
    assert block.boxes == ((0, 0, 999, 999),)
    (block,) = blocks(part("words", rect=(0.5, 0.5, 0.5, 0.5)))
    assert block.boxes == ((499, 499, 500, 500),)


def test_text_that_is_markdown_by_chance_is_escaped_in_blocks_and_left_alone_in_plain_text() -> None:
    (block,) = blocks(part("*stars* and # signs"))
    assert block.text != "*stars* and # signs"
    assert "\\*" in block.text
    assert render_plain([part("*stars* and # signs")]) == "*stars* and # signs"


def test_a_table_is_html_in_blocks_and_has_tabs_between_cells_in_plain_text() -> None:
    (block,) = blocks(table(["a", "b & c"], ["", "d"]))
    assert block.text == "<table><tr><td>a</td><td>b &amp; c</td></tr><tr><td></td><td>d</td></tr></table>"
    assert render_plain([table(["a", "b \n c"], ["d", ""])]) == "a\tb c\nd"


def test_parts_of_plain_text_have_an_empty_line_between_them() -> None:
    assert render_plain([part("one\ntwo"), table(["a", "b"]), part("three")]) == "one\ntwo\n\na\tb\n\nthree"


@pytest.mark.parametrize("tag", ["<|ref|>", "<|/det|>"])
def test_a_page_that_shows_a_tag_opens_no_block(tag: str) -> None:
    (block,) = blocks(part(f"a {tag} b"))
    assert "ref" in block.text or "det" in block.text
    assert tag not in block.text
    assert tag not in render_plain([part(f"a {tag} b")])
