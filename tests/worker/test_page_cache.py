"""The same pages again: a worker answers them without its engine, and forgets them with the pages that they come from."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from ocr_celery.client import Client
from ocr_celery.core.document import page_id
from ocr_celery.core.status import TaskView
from ocr_celery.errors import TaskNotFound
from ocr_celery.store.cancellation import Cancellation
from ocr_celery.store.page_cache import KeptPages
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.processes import keys, until
from tests.testlib.several_pages import tiff

SETTINGS = {
    **{"OCR_BATCH_SIZE": 8, "OCR_SCRIPTED_SECONDS": 0.02, "OCR_CACHE_TTL": 600},
    **{"OCR_SCRIPTED_LOOP": "circles", "OCR_MAX_REREADS": 0},
}
HUNDRED = list(range(101, 201))


@pytest.fixture(autouse=True)
def empty(celery_setup: OcrSetup) -> Iterator[None]:
    """Nothing is in the cache."""
    yield
    until(celery_setup.is_settled)
    for name in entries(celery_setup):
        celery_setup.redis.client.delete(name)


def entries(setup: OcrSetup) -> list[bytes]:
    return list(setup.redis.client.scan_iter(keys.kept_page("*"), count=1000))


def pages_read(setup: OcrSetup) -> int:
    """How many pages have entered the engine so far."""
    pool = setup.pool()
    together = sum(int(size) * times for size, times in pool["batch-histogram"].items())
    return together + int(pool["joined-running-batch"])


def read(client: Client, file: bytes, **options: Any) -> TaskView:
    view = client.wait(client.submit_document(file, **options), timeout=120)
    assert view.result
    return view


def gray(tone: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (100, 20), (tone, tone, tone)).save(file, "PNG")
    return file.getvalue()


def test_a_document_that_is_sent_again_is_not_read_and_has_the_same_answer(celery_setup: OcrSetup) -> None:
    client = celery_setup.client
    first = read(client, tiff(HUNDRED))
    before = pages_read(celery_setup)
    second = read(client, tiff(HUNDRED), page_range="1-100")  # another file might be another document
    assert pages_read(celery_setup) == before
    assert first.result
    assert second.result
    told = ("text", "spans", "verdict", "readings", "output_tokens", "pages", "failed_pages", "partial")
    assert {name: second.result[name] for name in told} == {name: first.result[name] for name in told}
    assert ("cached_pages" in first.result, second.result["cached_pages"]) == (False, 100)
    assert len(entries(celery_setup)) == 100
    pool = celery_setup.pool()
    assert (pool["cached"], pool["not-cached"]) >= (100, 100)
    page = client.look_up(page_id(second.id, 7)).result
    assert page
    assert (page["cached"], page["page"], page["text"][:17]) == (True, 7, "page of 107 x 100")
    assert '"cached": true' in celery_setup.worker.logs()


def test_a_page_that_its_sender_wants_read_is_read(celery_setup: OcrSetup) -> None:
    client = celery_setup.client
    for options in ({}, {"cache": False}, {"temperature": 0.3}, {"prompt": "other"}):
        assert "cached_pages" not in (read(client, tiff([101, 102]), **options).result or {})
    assert len(entries(celery_setup)) == 4


def test_a_text_that_repeats_itself_is_not_kept(celery_setup: OcrSetup) -> None:
    for _ in range(2):
        result = read(celery_setup.client, gray(1), prompt="in circles").result
        assert result
        assert (result["verdict"], result.get("cached")) == ("repeating", None)
    assert entries(celery_setup) == []


def test_what_is_forgotten_is_not_in_the_cache_whoever_it_was_read_for(celery_setup: OcrSetup) -> None:
    client = celery_setup.client
    first, second = read(client, gray(2)), read(client, gray(2))
    assert second.result
    assert second.result["cached"]
    assert len(entries(celery_setup)) == 1
    client.forget(second.id)
    assert entries(celery_setup) == []
    assert client.look_up(first.id).result == first.result
    client.forget(first.id)
    assert entries(celery_setup) == []
    with pytest.raises(TaskNotFound):
        client.look_up(first.id)


def test_a_document_is_forgotten_with_all_its_pages(celery_setup: OcrSetup) -> None:
    client = celery_setup.client
    forgotten, other = read(client, tiff(HUNDRED[:20])), read(client, tiff(HUNDRED[20:22]))
    assert len(entries(celery_setup)) == 22
    client.forget(forgotten.id)
    assert len(entries(celery_setup)) == 2
    again = read(client, tiff(HUNDRED[20:22])).result
    assert again
    assert other.result
    assert (again["text"], again["cached_pages"]) == (other.result["text"], 2)


def test_a_page_that_is_forgotten_while_it_is_read_leaves_nothing(celery_setup: OcrSetup) -> None:
    client, kept = celery_setup.client, KeptPages(celery_setup.redis.client, keys, ttl=60)
    id = client.submit_image(gray(3))
    client.forget(id)
    kept.put("0" * 64, id, "what it would have left")
    assert keys.kept_page("0" * 64).encode() not in entries(celery_setup)
    celery_setup.redis.client.set(keys.kept_page("0" * 64), "of another page")
    assert kept.get("0" * 64, id) is None


def test_a_page_that_is_answered_while_it_is_forgotten_takes_the_answer_with_it(
    celery_setup: OcrSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, looks = celery_setup.client, []
    look = Cancellation._cached

    def looks_too_early(self: Cancellation, ids: Sequence[str]) -> dict[str, bytes]:
        looks.append(ids)
        return look(self, ids) if len(looks) > 1 else dict.fromkeys(ids, b"")

    monkeypatch.setattr(Cancellation, "_cached", looks_too_early)
    client.forget(read(client, gray(4)).id)
    assert (len(looks), entries(celery_setup)) == (2, [])


def test_what_is_kept_expires(celery_setup: OcrSetup) -> None:
    read(celery_setup.client, gray(5))
    (entry,) = entries(celery_setup)
    assert 0 < celery_setup.redis.client.ttl(entry) <= 600


def test_what_else_lies_in_its_place_does_not_keep_a_page_from_being_read(celery_setup: OcrSetup) -> None:
    client, redis = celery_setup.client, celery_setup.redis.client
    read(client, gray(6))
    (entry,) = entries(celery_setup)
    redis.delete(entry)
    redis.lpush(entry, "a list")
    result = read(client, gray(6)).result
    assert result
    assert (result["verdict"], result.get("cached")) == ("ok", None)
    redis.delete(entry)
