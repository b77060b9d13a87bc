"""What becomes of a page in the worker, step by step; engine, decoder, Redis and Celery are played by the test."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state as worker_state
from redis.exceptions import ConnectionError as RedisDown

from ocr_celery.consumer import completer, pipeline, preparation, redis_retry, shutdown
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.pipeline import Pipeline
from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.core.markdown import to_markdown
from ocr_celery.core.options import Options
from ocr_celery.core.prompts import MARKDOWN
from ocr_celery.core.quarantine import SUSPECT_WARMUP, Cause, RunMode
from ocr_celery.engine.contract import EngineUnavailable, Outcome
from ocr_celery.errors import (
    BadOption,
    BadUrl,
    Cancelled,
    EngineFailed,
    OcrError,
    PageDeadline,
    PromptTooLong,
    StoreFull,
    TooManyPixels,
    WorkerKilled,
)
from ocr_celery.message import IMAGE, Job
from ocr_celery.settings import Settings
from tests.testlib.fake_engine import FakeClock, FakeEngine, FakeMarks, ready_page
from tests.testlib.processes import keys

LOOP = "and so on " * 200


class Inline:
    """A thread that does at once what it is given."""

    def submit(self, call: Callable[..., Any], *args: Any) -> None:
        call(*args)


class FakeDecoder:
    """Keeps what it is to decode until the test says what became of it."""

    costly_count = 0

    def __init__(self) -> None:
        self.refuses: OcrError | None = None
        self.jobs: list[Callable[[Any], None]] = []

    def submit(self, data: bytes, done: Callable[[Any], None]) -> object:  # noqa: ARG002
        if self.refuses:
            raise self.refuses
        self.jobs.append(done)
        return object()

    def wait_for_room(self, job: object) -> None:
        pass

    def stop_costly(self) -> None:
        jobs, self.jobs = self.jobs, []
        for done in jobs:
            done(None)

    def close(self) -> None:
        self.stop_costly()


class Bench:
    """A pipeline without threads, and what it did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.marks, self.engine, self.clock, self.decoder = (
            FakeMarks(),
            FakeEngine(2),
            FakeClock(),
            FakeDecoder(),
        )
        self.completed: list[PageRun] = []
        self.is_stored = True
        self.kept: list[str] = []
        self.requeued: list[str] = []
        self.cancelled: set[str] = set()
        self.exits: list[int] = []
        self.load: Callable[[PageRun], None] = self.loads
        self.waiting: list[PageRun] = []
        self.prompt = "<image>"
        self.text_layer: Any = "fallback"
        self.file_says: dict[str, Any] = {}  # of the page that is decoded
        monkeypatch.setattr(pipeline, "CrashMarks", lambda *_: self.marks)
        monkeypatch.setattr(preparation, "PageLoader", lambda *_: SimpleNamespace(load=self._load))
        monkeypatch.setattr(pipeline, "CancelledPages", lambda *_: SimpleNamespace(find=self._find_cancelled))
        monkeypatch.setattr(completer, "complete", self._complete)
        monkeypatch.setattr(completer, "requeue", lambda run: self.requeued.append(run.id))
        monkeypatch.setattr(shutdown, "shut_down", self.exits.append)
        monkeypatch.setattr(redis_retry, "_REDIS_RETRY", 0.0)
        monkeypatch.setattr(redis_retry, "_STORE_FULL_PAUSE", 0.0)
        registry: Any = SimpleNamespace(redis=None, keys=keys)
        settings = Settings(batch_size=2, batch_timeout=0)
        self.pipeline = Pipeline(settings, self.engine, registry, "w1", clock=self.clock)
        self.pipeline.file_keeper._then = lambda run: self.kept.append(run.id)
        self.pipeline.completer.threads = Inline()  # type: ignore[assignment]
        self.pipeline.preparation.decoder = self.decoder  # type: ignore[assignment]
        self.pipeline.preparation.documents = SimpleNamespace(open_or_assemble=lambda _: None)  # type: ignore[assignment]
        self.pipeline.preparation.loading_threads = SimpleNamespace(  # type: ignore[assignment]
            add=lambda run, _: self.waiting.append(run),
            remove_waiting=lambda: [run for run in self.waiting if run.phase is Phase.RECEIVED],
        )

    def _complete(self, run: PageRun, _listeners: object) -> bool:
        self.completed.append(run)
        return self.is_stored

    def _load(self, run: PageRun) -> None:
        self.load(run)

    def _find_cancelled(self, ids: Sequence[str]) -> set[str]:
        return self.cancelled & set(ids)

    def loads(self, run: PageRun) -> None:
        run.file = b"file"
        assert run.options is not None
        run.options = Options(prompt=self.prompt)
        run.job = Job(IMAGE, b"file", run.options, DocumentOptions(text_layer=self.text_layer))

    def submit(self, id: str = "a", *, redelivered: bool = False) -> PageRun:
        run = ready_page(id)
        assert run.page is not None
        self.decoded, run.page = replace(run.page, **self.file_says), None
        run.request.delivery_info = {"redelivered": redelivered}
        self.pipeline.submit(run, "")
        return run

    def prepare(self, id: str = "a", **more: bool) -> PageRun:
        """Load and decode a page."""
        run = self.submit(id, **more)
        self.pipeline.preparation.load(run)
        self.decoder.jobs.pop()(self.decoded)
        return run

    def read(self, text: str) -> None:
        """Let the page "a" enter the engine and come out with this text."""
        self.pipeline.scheduler.dispatch()
        self.pipeline.scheduler.on_outcomes([self.engine.outcome("a", text)])


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_page_is_loaded_decoded_prepared_read_and_completed(bench: Bench) -> None:
    run = bench.submit()
    assert run.phase is Phase.RECEIVED
    bench.pipeline.preparation.load(run)
    assert run.phase is Phase.PREPARING
    bench.decoder.jobs.pop()(bench.decoded)
    assert run.phase is Phase.READY
    bench.pipeline.scheduler.dispatch()
    assert (run.phase, bench.engine.requests["a"].prepared) == (Phase.IN_ENGINE, "prepared")
    bench.pipeline.scheduler.on_outcomes([bench.engine.outcome("a", "words")])
    assert (run.phase, run.result["text"]) == (Phase.DONE, "words")
    assert (bench.completed, bench.marks.marked, len(bench.pipeline.pages)) == ([run], {}, 0)


@pytest.mark.parametrize("is_stored", [True, False])
def test_what_follows_a_page_begins_only_where_its_result_was_stored(bench: Bench, is_stored: bool) -> None:
    bench.is_stored = is_stored  # else its message is back in the queue
    bench.prepare()
    bench.read("words")
    assert bench.kept == (["a"] if is_stored else [])


@pytest.mark.parametrize("state", ["SUCCESS", "FAILURE", "REVOKED"])
def test_what_follows_a_page_begins_also_where_its_worker_died_before(bench: Bench, state: str) -> None:
    bench.load = lambda run: setattr(run, "prior_result", {"status": state})
    bench.pipeline.preparation.load(bench.submit())
    assert bench.kept == (["a"] if state == "SUCCESS" else [])


def test_a_page_leaves_only_when_its_file_is_in_the_hands_of_who_stores_it(bench: Bench) -> None:
    phases: list[Phase] = []
    bench.pipeline.file_keeper._then = lambda run: phases.append(run.phase)
    run = bench.prepare()
    bench.read("words")
    assert (phases, run.phase) == ([Phase.STORING], Phase.DONE)


@pytest.mark.parametrize("has_failed", [False, True])
def test_a_worker_that_ends_stores_the_files_first_unless_it_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, has_failed: bool
) -> None:
    drained: list[float] = []
    monkeypatch.setattr(bench.pipeline.file_keeper, "drain", drained.append)
    bench.pipeline.has_failed = has_failed
    bench.pipeline.close()
    assert len(drained) == (not has_failed)


def test_a_page_that_cannot_be_loaded_fails_with_what_the_loader_raised(bench: Bench) -> None:
    error = BadUrl()

    def fails(run: PageRun) -> None:
        raise error

    bench.load = fails
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    assert (bench.completed, run.result) == ([run], error)


def test_a_page_that_was_completed_before_is_completed_without_a_file(bench: Bench) -> None:
    bench.load = lambda run: setattr(run, "prior_result", {"status": "SUCCESS"})
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    assert bench.completed == [run]
    assert not bench.decoder.jobs


def test_a_page_whose_header_is_refused_fails(bench: Bench) -> None:
    bench.decoder.refuses = TooManyPixels()
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    assert (bench.completed, run.result) == ([run], bench.decoder.refuses)


def test_a_page_that_the_engine_cannot_prepare_fails(bench: Bench) -> None:
    bench.engine.fails_to_prepare = EngineFailed()
    run = bench.prepare()
    assert (bench.completed, run.result) == ([run], bench.engine.fails_to_prepare)


def test_a_page_that_the_decoders_gave_up_is_requeued(bench: Bench) -> None:
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    bench.decoder.stop_costly()
    assert (bench.requeued, bench.completed, run.phase) == (["a"], [], Phase.DONE)


def test_a_second_delivery_of_a_page_in_progress_is_not_loaded(bench: Bench) -> None:
    bench.submit()
    bench.submit()
    assert len(bench.waiting) == 1


def test_a_page_waits_while_redis_is_down(bench: Bench) -> None:
    tries: list[int] = []

    def fails_twice(run: PageRun) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RedisDown("no Redis")
        bench.loads(run)

    bench.load = fails_twice
    assert bench.prepare().phase is Phase.READY


def test_a_page_that_waits_for_redis_when_the_worker_terminates_is_not_completed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(run: PageRun) -> None:
        monkeypatch.setattr(worker_state, "should_terminate", 0)
        raise RedisDown("no Redis")

    bench.load = fails
    bench.pipeline.preparation.load(bench.submit())
    assert not bench.completed


def test_a_document_that_finds_the_store_full_goes_back_and_holds_up_no_page(bench: Bench) -> None:
    def finds_no_room(_: PageRun) -> None:
        raise StoreFull

    bench.load = finds_no_room
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    assert bench.requeued == [run.id]
    assert run.phase is Phase.DONE
    assert not bench.completed


def test_a_page_in_circles_is_read_again_and_the_better_reading_is_its_result(bench: Bench) -> None:
    run = bench.prepare()
    bench.read(LOOP)
    assert run.phase is Phase.READY
    assert run.options is not None
    assert run.options.temperature > 0
    bench.read("words")
    assert (run.result["text"], run.result["readings"], bench.pipeline.completer.rereads) == ("words", 2, 1)


def test_a_later_reading_that_fails_takes_nothing_from_an_earlier_one(bench: Bench) -> None:
    run = bench.prepare()
    bench.read(LOOP)
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.scheduler.on_outcomes([Outcome(id="a", result=EngineFailed(), seconds=1.0)])
    assert (run.result["text"], run.result["readings"]) == (LOOP, 1)


def test_a_page_that_fails_in_its_first_reading_fails(bench: Bench) -> None:
    run = bench.prepare()
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.scheduler.on_outcomes([Outcome(id="a", result=EngineFailed(), seconds=1.0)])
    assert isinstance(run.result, EngineFailed)


def test_the_text_that_the_file_has_stands_in_for_a_page_that_the_engine_cannot_read(bench: Bench) -> None:
    bench.file_says = {"text_layer": "a * b"}
    run = bench.prepare()
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.scheduler.on_outcomes([Outcome(id="a", result=PageDeadline(), seconds=9.0)])
    told = {name: run.result[name] for name in ("text", "source", "readings", "verdict")}
    assert told == {"text": "a * b", "source": "text_layer", "readings": 0, "verdict": "ok"}
    assert run.result["failed_reading"] == {"code": "page_deadline", "error": PageDeadline().message}
    assert run.result["seconds"]["read"] == 9.0


def test_the_text_that_the_file_has_is_written_as_an_engine_writes_markdown(bench: Bench) -> None:
    bench.file_says, bench.prompt = {"text_layer": "a * b <|ref|>"}, MARKDOWN
    bench.engine.fails_to_prepare = ValueError("a defect")
    run = bench.prepare()
    assert to_markdown(run.result["text"]) == "a \\* b \\<\\|ref\\|\\>"
    assert run.result["failed_reading"]["code"] == "internal_error"


@pytest.mark.parametrize("error", [BadOption("max_tokens"), PromptTooLong(), Cancelled()])
def test_an_error_of_the_caller_is_told_whatever_text_the_file_has(bench: Bench, error: OcrError) -> None:
    bench.file_says = {"text_layer": "text"}
    bench.engine.fails_to_prepare = error
    assert bench.prepare().result is error


def test_a_page_that_fails_without_a_text_in_its_file_fails(bench: Bench) -> None:
    bench.file_says = {"fonts_missing": True}
    bench.engine.fails_to_prepare = EngineFailed()
    assert isinstance(bench.prepare().result, EngineFailed)


def test_the_text_that_the_file_has_takes_nothing_from_a_reading(bench: Bench) -> None:
    bench.file_says = {"text_layer": "text", "text_plausible": True}
    run = bench.prepare()
    bench.read("words")
    assert (run.result["text"], run.result.get("source")) == ("words", None)


@pytest.mark.parametrize(
    ("use", "file_says"),
    [
        ("fallback", {"text_layer": "标准", "fonts_missing": True}),
        ("prefer", {"text_layer": "标准", "fonts_missing": True}),
        ("prefer", {"text_layer": "标准", "text_plausible": True}),
    ],
)
def test_a_page_whose_own_text_is_taken_never_enters_the_engine(bench: Bench, use: str, file_says: Any) -> None:
    bench.text_layer, bench.file_says = use, file_says
    run = bench.prepare()
    assert (run.result["text"], run.result["source"]) == ("标准", "text_layer")
    assert run.result.get("fonts_missing") == file_says.get("fonts_missing")
    assert "failed_reading" not in run.result
    assert (bench.completed, bench.engine.entered, bench.engine.requests) == ([run], [], {})


@pytest.mark.parametrize(
    ("use", "file_says"),
    [
        ("ignore", {"text_layer": "text", "text_plausible": True, "fonts_missing": True}),
        ("prefer", {"text_layer": "text", "text_plausible": False}),
        ("prefer", {"text_layer": "", "fonts_missing": True}),
        ("fallback", {"text_layer": "text", "text_plausible": True}),
    ],
)
def test_a_page_whose_own_text_is_not_wanted_is_read(bench: Bench, use: str, file_says: Any) -> None:
    bench.text_layer, bench.file_says = use, file_says
    run = bench.prepare()
    bench.read("words")
    assert (run.result["text"], run.result.get("source")) == ("words", None)
    assert run.result.get("fonts_missing") == file_says.get("fonts_missing")


@pytest.mark.parametrize(
    ("file_says", "read"), [({"text_layer": "text"}, True), ({}, False), ({"fonts_missing": True}, False)]
)
def test_a_page_that_killed_its_workers_is_not_read_but_its_file_may_have_a_text(
    bench: Bench, file_says: Any, read: bool
) -> None:
    def loads(run: PageRun) -> None:
        bench.loads(run)
        run.convicted = WorkerKilled()

    bench.load, bench.file_says = loads, file_says
    run = bench.prepare()
    assert (bench.completed, bench.engine.entered) == ([run], [])
    assert run.result["failed_reading"]["code"] == "worker_killed" if read else run.result is run.convicted


def test_a_page_that_killed_its_workers_says_so_whatever_becomes_of_its_file(bench: Bench) -> None:
    def fails(run: PageRun) -> None:
        run.convicted = WorkerKilled()
        raise BadUrl()

    bench.load = fails
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    assert (bench.completed, run.result) == ([run], run.convicted)


def test_a_quarantined_page_whose_own_text_is_taken_does_not_enter_either(bench: Bench) -> None:
    def loads(run: PageRun) -> None:
        bench.loads(run)
        run.quarantined = True

    bench.load, bench.file_says = loads, {"text_layer": "标准", "fonts_missing": True}
    run = bench.prepare()
    bench.clock.now += SUSPECT_WARMUP
    bench.pipeline.scheduler.dispatch()
    assert (run.result["text"], bench.engine.entered, bench.marks.marked) == ("标准", [], {})


@pytest.mark.parametrize("quarantined", [False, True])
def test_a_page_that_was_read_before_takes_no_place_and_leaves_no_mark(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, quarantined: bool
) -> None:
    def loads(run: PageRun) -> None:
        bench.loads(run)
        run.quarantined = quarantined

    def find(run: PageRun) -> bool:
        run.result = {"text": "words", "cached": True}
        return True

    bench.load = loads
    monkeypatch.setattr(bench.pipeline.cache, "find", find)
    run = bench.prepare()
    bench.clock.now += SUSPECT_WARMUP
    bench.pipeline.scheduler.dispatch()
    assert (bench.completed, run.phase, bench.engine.entered, bench.marks.marked) == ([run], Phase.DONE, [], {})


def test_a_redelivered_page_is_marked_while_the_engine_prepares_it(bench: Bench) -> None:
    marked: list[dict[str, RunMode]] = []
    prepare = bench.engine.prepare
    bench.engine.prepare = lambda *args: (marked.append(dict(bench.marks.marked)), prepare(*args))[1]  # type: ignore[method-assign]
    bench.prepare("a", redelivered=True)
    bench.prepare("b")
    assert (marked, bench.marks.marked) == ([{"a": RunMode.SHARED}, {}], {})


def test_a_quarantined_page_is_prepared_when_it_enters(bench: Bench) -> None:
    def loads(run: PageRun) -> None:
        bench.loads(run)
        run.quarantined = True

    bench.load = loads
    run = bench.prepare()
    assert (run.phase, run.page) == (Phase.READY, None)
    bench.clock.now += SUSPECT_WARMUP
    bench.pipeline.scheduler.dispatch()
    assert (run.phase, bench.marks.marked) == (Phase.IN_ENGINE, {"a": RunMode.QUARANTINED})


def test_a_page_terminated_in_the_engine_is_completed(bench: Bench) -> None:
    run = bench.prepare()
    bench.pipeline.scheduler.dispatch()
    run.terminate()
    assert (bench.completed, run.phase) == ([run], Phase.DONE)


def test_a_page_terminated_while_it_waits_for_the_engine_is_completed_at_once(bench: Bench) -> None:
    run = bench.prepare()
    run.terminate()
    assert (bench.completed, run.phase) == ([run], Phase.DONE)
    bench.pipeline.scheduler.dispatch()
    assert bench.engine.entered == []


def test_a_page_terminated_while_it_is_fetched_is_not_decoded(bench: Bench) -> None:
    def loads(run: PageRun) -> None:
        bench.loads(run)
        run.terminate()

    bench.load = loads
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    assert (bench.decoder.jobs, bench.completed, run.phase) == ([], [run], Phase.DONE)


def test_a_page_that_was_cancelled_in_redis_is_completed_unread(bench: Bench) -> None:
    run = bench.prepare()
    bench.cancelled = {"a"}
    bench.pipeline.scheduler.dispatch()
    assert (bench.engine.entered, bench.completed, run.cancelled) == ([], [run], True)


def test_a_page_terminated_in_the_engine_leaves_no_mark_and_is_announced_as_revoked(bench: Bench) -> None:
    run = bench.prepare()
    bench.pipeline.scheduler.dispatch()
    asked: list[str] = []
    run.request.revoked = lambda: asked.append(run.id) or True
    run.terminate()
    assert (bench.marks.marked, asked) == ({}, ["a"])


def test_a_stop_requeues_what_was_not_started_and_completes_rereads_with_what_they_have(bench: Bench) -> None:
    read, waiting = bench.prepare("a"), bench.submit("b")
    bench.read(LOOP)
    assert bench.pipeline.begin_stop() == 2
    assert (bench.requeued, bench.completed) == (["b"], [read])
    assert read.result["readings"] == 1
    assert waiting.phase is Phase.DONE


def test_no_page_is_read_again_once_the_worker_stops(bench: Bench) -> None:
    run = bench.prepare()
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.begin_stop()
    bench.pipeline.scheduler.on_outcomes([bench.engine.outcome("a", LOOP)])
    assert bench.completed == [run]


def test_an_engine_failure_gives_its_pages_strikes_and_ends_the_worker_once(bench: Bench) -> None:
    bench.prepare()
    bench.pipeline.scheduler.dispatch()
    for _ in range(2):
        bench.pipeline.scheduler.on_engine_failure(RuntimeError("it broke"))
    assert bench.marks.strikes == [(["a"], Cause.ENGINE)]
    assert bench.exits == [shutdown.EXIT_ENGINE_FAILED]
    bench.pipeline.close()
    assert bench.marks.marked  # a failed worker leaves them to its successor


def test_a_decoder_failure_ends_the_worker_and_counts_against_no_page(bench: Bench) -> None:
    bench.prepare()
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.on_decoder_failure(RuntimeError("no memory"))
    assert (bench.marks.strikes, bench.exits) == ([], [shutdown.EXIT_ENGINE_FAILED])


def test_a_page_is_requeued_where_its_engine_is_unavailable_and_the_worker_stops(bench: Bench) -> None:
    run = bench.prepare()
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.begin_stop()
    bench.pipeline.scheduler.on_outcomes([Outcome(id="a", result=EngineUnavailable(), seconds=0.0)])
    assert (bench.requeued, bench.completed, run.phase) == (["a"], [], Phase.DONE)


def test_an_orderly_end_leaves_no_marks(bench: Bench) -> None:
    bench.prepare()
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.close()
    assert not bench.marks.marked


LAYER = "the file's own text"


def with_layer(bench: Bench, use: str, **page: Any) -> PageRun:
    """A page of a PDF that has a text layer, decoded."""
    run = bench.submit()
    bench.pipeline.preparation.load(run)
    assert run.job is not None
    run.job = replace(run.job, file_options=DocumentOptions(text_layer=use))  # type: ignore[arg-type]
    assert bench.decoded is not None
    bench.decoder.jobs.pop()(replace(bench.decoded, text_layer=LAYER, **page))
    return run


@pytest.mark.parametrize("use", ["fallback", "prefer"])
def test_the_text_layer_stands_in_for_a_page_that_could_not_be_read(bench: Bench, use: str) -> None:
    run = with_layer(bench, use)
    bench.pipeline.scheduler.dispatch()
    bench.pipeline.scheduler.on_outcomes([Outcome(id="a", result=EngineFailed("no luck"), seconds=1.0)])
    assert (run.result["text"], run.result["source"]) == (LAYER, "text_layer")
    assert run.result["failed_reading"] == {"code": "engine_failed", "error": "no luck"}


def test_a_page_that_was_read_has_its_reading_whatever_its_text_layer_says(bench: Bench) -> None:
    run = with_layer(bench, "fallback", text_plausible=True)
    bench.read("what the engine saw")
    assert run.result["text"] == "what the engine saw"
    assert "source" not in run.result


@pytest.mark.parametrize(
    ("use", "page"),
    [("prefer", {"text_plausible": True}), ("fallback", {"fonts_missing": True}), ("prefer", {"fonts_missing": True})],
)
def test_a_page_is_not_read_where_its_text_layer_says_more(bench: Bench, use: str, page: dict[str, bool]) -> None:
    run = with_layer(bench, use, **page)
    assert (run.result["text"], run.result["source"], bench.completed) == (LAYER, "text_layer", [run])
    assert run.result.get("fonts_missing", False) is page.get("fonts_missing", False)
    assert bench.engine.entered == []


@pytest.mark.parametrize(("use", "page"), [("prefer", {}), ("ignore", {"fonts_missing": True, "text_plausible": True})])
def test_a_page_is_read_where_its_text_layer_is_doubtful_or_not_wanted(
    bench: Bench, use: str, page: dict[str, bool]
) -> None:
    run = with_layer(bench, use, **page)
    bench.read("what the engine saw")
    assert run.result["text"] == "what the engine saw"


@pytest.mark.parametrize("use", ["ignore", "prefer"])
def test_a_page_behind_the_first_of_its_file_says_its_number(bench: Bench, use: str) -> None:
    run = with_layer(bench, use, text_plausible=True, number=7)
    if use == "ignore":
        bench.read("what the engine saw")
    assert run.result["page"] == 7


@pytest.mark.parametrize("use", ["ignore", "prefer"])
def test_a_first_page_says_no_number(bench: Bench, use: str) -> None:
    run = with_layer(bench, use, text_plausible=True)
    if use == "ignore":
        bench.read("what the engine saw")
    assert "page" not in run.result


def test_a_text_layer_that_is_not_wanted_stands_in_for_nothing(bench: Bench) -> None:
    run = with_layer(bench, "ignore")
    bench.pipeline.scheduler.dispatch()
    error = EngineFailed()
    bench.pipeline.scheduler.on_outcomes([Outcome(id="a", result=error, seconds=1.0)])
    assert run.result is error
