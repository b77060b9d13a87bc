"""Every format of a result is whole, whatever its pages hold, and keeps the place of a page that is missing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core import result_page
from ocr_celery.core.blocks import page_blocks
from ocr_celery.core.document import PageResult, PageSet, assemble
from ocr_celery.core.result_formats import FORMATS, ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.errors import PageDeadline
from tests.testlib.effort import examples
from tests.testlib.mutated_answers import ANSWERS, PIECES

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=3), st.just({"a": []})
)
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(ANSWERS), st.text(max_size=5)), max_size=5).map(
    "".join
)
RESULTS = st.builds(
    lambda text, found: {**found, "text": text},
    TEXTS,
    st.dictionaries(st.sampled_from(["width", "height", "verdict", "source", "pages"]), VALUES),
)
PAGES = st.lists(st.one_of(RESULTS, st.none(), st.builds(PageDeadline)), min_size=1, max_size=5)


def written(form: str, results: list[Any], *, is_document: bool = True) -> str:
    writer = FORMATS[form].writer(
        ResultHead("id", "completed", is_document=is_document, is_partial=False, chunk_size=200)
    )
    pages = (ResultPage(number, result) for number, result in enumerate(results, 1))
    return "".join([writer.begin(), *map(writer.add, pages), writer.end()])


@given(PAGES)
@examples(200)
def test_json_is_json_with_every_page(results: list[Any]) -> None:
    pages = json.loads(written("json", results))["pages"]
    assert [page["page"] for page in pages] == list(range(1, len(results) + 1))
    read = [number for number, result in enumerate(results, 1) if isinstance(result, dict)]
    assert [page["page"] for page in pages if "blocks" in page] == read
    found = json.loads(written("chunks", results))
    assert [missing["page"] for missing in found["missing_pages"]] == [
        p for p in range(1, len(results) + 1) if p not in read
    ]
    assert [chunk["chunk"] for chunk in found["chunks"]] == list(range(1, len(found["chunks"]) + 1))


@given(PAGES)
@examples(200)
def test_text_has_as_many_form_feeds_as_gaps_between_pages(results: list[Any]) -> None:
    assert written("text", results).count("\f") == len(results) - 1


@given(st.lists(st.text(st.characters(exclude_characters="<"), max_size=9), min_size=1))
def test_marks_are_those_of_the_documents_own_result(texts: list[str]) -> None:
    results = [{"text": text} if text else PageDeadline() for text in texts]
    pages = PageSet(len(texts), f"1-{len(texts)}")
    whole = assemble(pages, [PageResult(number, result) for number, result in enumerate(results, 1)])
    assert written("raw", results) == written("md", results) == whole["text"] + "\n"


@pytest.mark.parametrize("form", FORMATS)
def test_an_image_without_text_is_an_empty_file_of_its_kind(form: str) -> None:
    text = written(form, [{"text": ""}], is_document=False)
    assert text.strip() == "" or json.loads(text)["status"] == "completed"


def test_chunks_that_were_complete_outlive_a_mistake_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: str, **size: int) -> list[Any]:
        return [*page_blocks(raw, **size), *([None] if "damaged" in raw else [])]

    monkeypatch.setattr(result_page, "page_blocks", broken)
    writer = FORMATS["chunks"].writer(ResultHead("id", "completed", is_document=True, is_partial=False))
    found = [writer.begin(), writer.add(ResultPage(1, {"text": "one"}))]
    with pytest.raises(AttributeError):
        writer.add(ResultPage(2, {"text": "# Two\n\ndamaged"}))
    found += [writer.add(ResultPage(2, PageDeadline())), writer.add(ResultPage(3, {"text": "# Three"})), writer.end()]
    chunks = json.loads("".join(found))["chunks"]
    assert [(chunk["chunk"], chunk["pages"]) for chunk in chunks] == [(1, [1]), (2, [2]), (3, [3])]
