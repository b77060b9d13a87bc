"""A page that was read before is answered without the engine; whatever is the matter with the cache, pages are read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisDown
from redis.exceptions import OutOfMemoryError, RedisError

from ocr_celery.consumer import page_cache as room
from ocr_celery.consumer.evaluation import Evaluator
from ocr_celery.consumer.page_cache import PageCache
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.core.options import Options
from ocr_celery.core.reading import Reading
from ocr_celery.message import IMAGE, Job
from ocr_celery.settings import Settings
from tests.testlib.fake_engine import FakeEngine, ready_page

WORDS = Reading(text="words", prompt_tokens=1, output_tokens=2)
LOOP = Reading(text="and so on " * 200)


class FakeKept(dict[str, str]):
    """The readings in Redis, which may be away."""

    trouble: RedisError | None = None

    def get(self, key: str, task_id: str) -> str | None:  # type: ignore[override]  # noqa: ARG002
        if self.trouble:
            raise self.trouble
        return super().get(key)

    def put(self, key: str, task_id: str, text: str) -> None:  # noqa: ARG002
        if self.trouble:
            raise self.trouble
        self[key] = text


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> FakeKept:
    fake = FakeKept()
    monkeypatch.setattr(room, "KeptPages", lambda *_, **__: fake)
    return fake


@pytest.fixture
def make(kept: FakeKept) -> Callable[..., PageCache]:
    def build(engine: FakeEngine | None = None, **settings: Any) -> PageCache:
        known, reader = Settings(**{"cache_ttl": 60, **settings}), engine or FakeEngine(1)
        registry: Any = type("Registry", (), {"redis": None, "keys": None})
        return PageCache(known, reader, registry, Evaluator(known, reader))

    return build


def decoded(id: str = "a", *, cache: bool = True, **options: Any) -> PageRun:
    run = ready_page(id)
    run.decoded, run.page = run.page, None
    run.options = Options(**options)
    run.job = Job(IMAGE, b"", run.options, DocumentOptions(cache=cache))
    return run


def read(cache: PageCache, run: PageRun, *readings: Reading) -> None:
    """As the pipeline does with a page that is read."""
    assert not cache.find(run)
    run.readings = list(readings)
    cache.keep(run)


def test_the_second_page_has_the_answer_of_the_first_and_says_so(make: Callable[..., PageCache]) -> None:
    cache, first, second = make(), decoded("a"), decoded("b")
    read(cache, first, LOOP, WORDS)
    assert cache.find(second)
    result = second.result
    assert (result["text"], result["verdict"], result["prompt_tokens"], result["output_tokens"]) == (
        "words",
        "ok",
        1,
        2,
    )
    assert (result["cached"], result["readings"], result["seconds"]["read"]) == (True, 2, 0)
    assert (result["engine"], result["model"], result["width"]) == ("fake", "none", 8)
    assert (cache.hits, cache.misses) == (1, 1)


def test_what_is_said_of_the_page_is_that_of_its_own_file(make: Callable[..., PageCache]) -> None:
    cache, second = make(), decoded("b")
    read(cache, decoded("a"), WORDS)
    assert second.decoded
    second.decoded = replace(second.decoded, number=7, fonts_missing=True)
    assert cache.find(second)
    assert (second.result["page"], second.result["fonts_missing"]) == (7, True)


@pytest.mark.parametrize("reading", [LOOP, Reading(text=""), replace(WORDS, finish_reason="length")])
def test_a_doubtful_answer_is_given_once(make: Callable[..., PageCache], kept: FakeKept, reading: Reading) -> None:
    cache = make()
    read(cache, decoded("a"), reading)
    assert not kept
    assert not cache.find(decoded("b"))


@pytest.mark.parametrize("options", [{"cache": False}, {"temperature": 0.5}])
def test_who_wants_the_page_read_neither_gets_nor_leaves_an_answer(
    make: Callable[..., PageCache], kept: FakeKept, options: dict[str, Any]
) -> None:
    cache = make()
    read(cache, decoded("a", **options), WORDS)
    assert not kept
    read(cache, decoded("b"), WORDS)
    assert not cache.find(decoded("c", **options))
    assert cache.find(decoded("d"))


def test_a_temperature_that_the_service_sets_counts_like_one_that_the_sender_sets(
    make: Callable[..., PageCache], kept: FakeKept
) -> None:
    settings = Settings(default_temperature=0.5)
    read(make(default_temperature=0.5), decoded("a", temperature=settings.options().temperature), WORDS)
    assert not kept


def test_a_page_is_not_kept_unless_it_is_asked_for(make: Callable[..., PageCache], kept: FakeKept) -> None:
    assert Settings().cache_ttl == 0
    cache = make(cache_ttl=0)
    read(cache, decoded("a"), WORDS)
    assert not cache.find(decoded("b"))
    assert (kept, cache.misses) == ({}, 0)


def test_pages_of_an_engine_that_does_not_know_its_model_exactly_are_read(
    make: Callable[..., PageCache], kept: FakeKept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeEngine, "revision", "")
    read(make(), decoded("a"), WORDS)
    assert not kept


@pytest.mark.parametrize("trouble", [RedisDown("no Redis"), OutOfMemoryError("OOM command not allowed")])
def test_pages_are_read_where_redis_is_away_or_full(
    make: Callable[..., PageCache], kept: FakeKept, trouble: RedisError
) -> None:
    cache, kept.trouble = make(), trouble
    read(cache, decoded("a"), WORDS)
    assert not kept


def test_what_is_no_reading_in_redis_is_as_good_as_none(make: Callable[..., PageCache], kept: FakeKept) -> None:
    cache, run = make(), decoded("a")
    read(cache, run, WORDS)
    kept[run.cache_key] = '{"text": 7}'
    read(cache, decoded("b"), WORDS)
    assert cache.find(decoded("c"))
