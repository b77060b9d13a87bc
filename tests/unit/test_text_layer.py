"""What a text layer may be used for, by what was counted in it and in the page's picture."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.text_layer import (
    LayerCounts,
    count_characters,
    is_plausible,
    is_usable,
    judge_layer,
    lacks_fonts,
)

#: an ordinary page of a document that was made on a computer
GOOD = LayerCounts(
    characters=2000, words=1800, unreadable=0, sampled=100, inked=100, fontless=0, drawn=5000, explained=4600
)


@st.composite
def counts(draw: st.DrawFn) -> LayerCounts:
    """Counts that may be of one page."""
    characters = draw(st.integers(0, 5000))
    words = draw(st.integers(0, characters))
    sampled = draw(st.integers(0, min(words, 120)))
    inked = draw(st.integers(0, sampled))
    drawn = draw(st.integers(0, 9000))
    return LayerCounts(
        characters=characters,
        words=words,
        unreadable=draw(st.integers(0, characters)),
        sampled=sampled,
        inked=inked,
        fontless=draw(st.integers(0, sampled - inked)),
        unmapped=draw(st.integers(0, sampled)),
        drawn=drawn,
        explained=draw(st.integers(0, drawn)),
        sideways=draw(st.integers(0, characters)),
        drawn_beside=draw(st.booleans()),
    )


def test_a_layer_that_is_all_seen_and_explains_the_picture_is_plausible() -> None:
    assert is_usable(GOOD)
    assert is_plausible(GOOD)
    assert not lacks_fonts(GOOD)


@pytest.mark.parametrize(
    ("why", "page"),
    [
        ("a scan with a stamp of its archive", replace(GOOD, words=40, sampled=40, inked=40, explained=90)),
        ("a page number under a drawing", replace(GOOD, characters=3, words=3, sampled=3, inked=3, explained=4)),
        ("a form whose fields are filled in", replace(GOOD, drawn_beside=True)),
        ("text beside the ink: recognised on a page that was turned", replace(GOOD, inked=80)),
        ("text on its side, whose lines have no known order", replace(GOOD, sideways=1900)),
        ("text that fonts are missing for", replace(GOOD, inked=50, fontless=50)),
    ],
)
def test_a_layer_that_is_usable_need_not_be_plausible(why: str, page: LayerCounts) -> None:
    assert is_usable(page), why
    assert not is_plausible(page), why


@pytest.mark.parametrize(
    ("why", "page"),
    [
        ("no text", LayerCounts(characters=0, words=0, unreadable=0, sampled=0, inked=0, fontless=0)),
        ("no letter or digit", replace(GOOD, words=0, sampled=0, inked=0)),
        ("replacement characters", replace(GOOD, unreadable=200)),
        ("a font that does not say which characters it has", replace(GOOD, unmapped=100)),
        ("text that nobody sees", replace(GOOD, inked=3)),
    ],
)
def test_a_layer_that_cannot_be_relied_on_has_no_text(why: str, page: LayerCounts) -> None:
    assert judge_layer("text", page).text == "", why
    assert not is_plausible(page), why


def test_a_page_that_is_blank_for_want_of_fonts_says_so_and_its_text_can_be_used() -> None:
    layer = judge_layer("标准", replace(GOOD, inked=15, fontless=85))
    assert (layer.text, layer.fonts_missing, layer.plausible) == ("标准", True, False)


def test_text_that_is_hidden_by_its_maker_is_no_want_of_fonts() -> None:
    assert not lacks_fonts(replace(GOOD, inked=0))


def test_a_single_symbol_without_a_shape_is_no_want_of_fonts() -> None:
    assert not lacks_fonts(replace(GOOD, inked=99, fontless=1))


def test_characters_without_a_meaning_are_counted() -> None:
    assert count_characters("Aé 漢\n7.") == (5, 4, 0)
    assert count_characters("\ufffd\x01\ue001\U000f0001 a") == (5, 1, 4)


@given(counts())
def test_what_is_plausible_is_usable_and_what_lacks_fonts_is_not_plausible(page: LayerCounts) -> None:
    if is_plausible(page):
        assert is_usable(page)
        assert not lacks_fonts(page)


@given(counts())
def test_a_layer_becomes_no_worse_when_more_of_it_is_seen(page: LayerCounts) -> None:
    better = replace(page, inked=page.sampled - page.fontless, explained=page.drawn)
    assert is_usable(better) >= is_usable(page)
    assert is_plausible(better) >= is_plausible(page)


@given(counts())
def test_a_layer_becomes_no_better_when_more_of_it_is_unreadable(page: LayerCounts) -> None:
    worse = replace(page, unreadable=page.characters, unmapped=page.sampled)
    assert not is_usable(worse)
    assert not is_plausible(worse)


@given(counts(), st.text(min_size=1))
def test_text_is_handed_on_only_where_it_is_usable(page: LayerCounts, text: str) -> None:
    layer = judge_layer(text, page)
    assert bool(layer.text) == is_usable(page)
    assert not (layer.plausible and not layer.text)


@given(st.text())
def test_counts_of_characters_are_within_the_text(text: str) -> None:
    characters, words, unreadable = count_characters(text)
    assert 0 <= words + unreadable <= characters <= len(text)
