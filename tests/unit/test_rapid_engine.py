"""The threads of the CPU engine, with models that are made for the test; the contract of engines is tested with the real ones."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from PIL import Image as Pillow

from ocr_celery.core.prompts import FREE_OCR, MARKDOWN
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import Outcome
from ocr_celery.engine.rapid import engine as rapid
from ocr_celery.engine.rapid import runtime_choice, runtimes
from ocr_celery.engine.rapid.orientation import Boxes, Image
from ocr_celery.errors import EngineFailed
from tests.testlib.engine_probe import engine_request
from tests.testlib.line_models import PlannedModels

LONG = 30.0  #: seconds that nothing here takes
PLAN = [("some words", (20.0, 40.0, 380.0, 60.0))]


class Running:
    """A started engine with one thread, and what it says."""

    def __init__(self, before: Callable[[], None]) -> None:
        self.outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self.failures: SimpleQueue[BaseException] = SimpleQueue()
        self.engine = rapid.RapidEngine(threads=1)
        self.before = before
        self.engine.start(self._take, self.failures.put)

    def _take(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self.outcomes.put(outcome)

    def enter(self, *ids: str, prompt: str = FREE_OCR, page: Pillow.Image | None = None) -> None:
        self.engine.enter([engine_request(id, page or PlannedModels(PLAN).page(), prompt) for id in ids])

    def outcome(self) -> Outcome:
        return self.outcomes.get(timeout=LONG)


class Hooked(PlannedModels):
    """Calls `before` for each page."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def detect_lines(self, image: Image) -> Boxes:
        self.before()
        return super().detect_lines(image)


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Hooked:
    models = Hooked(PLAN)
    monkeypatch.setattr(rapid.RapidEngine, "_load_models", lambda _: (models, "1"))
    return models


@pytest.fixture
def running(models: Hooked) -> Iterator[Running]:
    running = Running(models.before)
    yield running
    running.engine.stop()
    for thread in running.engine._readers:
        thread.join(LONG)
        assert not thread.is_alive()


def test_a_page_is_read_as_its_prompt_asks(running: Running) -> None:
    running.enter("plain")
    running.enter("blocks", prompt=MARKDOWN)
    plain, blocks = running.outcome(), running.outcome()
    assert plain.id == "plain"
    assert isinstance(plain.result, Reading)
    assert plain.result.text == "some words"
    assert isinstance(blocks.result, Reading)
    assert blocks.result.text.startswith("<|ref|>text<|/ref|>")
    assert min(plain.seconds, blocks.seconds) > 0


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (MemoryError(), "There was not enough memory to read this page."),
        (ValueError("a defect"), EngineFailed().message),
    ],
)
def test_a_page_that_cannot_be_read_fails_and_the_next_one_is_read(
    running: Running, models: Hooked, trouble: Exception, said: str
) -> None:
    def fail() -> None:
        raise trouble

    models.before = fail
    running.enter("bad")
    failed = running.outcome().result
    assert isinstance(failed, EngineFailed)
    assert failed.message == said
    models.before = lambda: None
    running.enter("good")
    result = running.outcome().result
    assert isinstance(result, Reading)
    assert result.text == "some words"


def test_a_thread_that_ends_breaks_the_engine_once(running: Running, models: Hooked) -> None:
    def end() -> None:
        raise SystemExit(3)

    models.before = end
    running.enter("deadly", "never read")
    assert isinstance(running.failures.get(timeout=LONG), SystemExit)
    assert not running.engine.alive()
    for thread in running.engine._readers:
        thread.join(LONG)
    assert running.failures.empty()
    assert running.outcomes.empty()


def test_a_page_is_dropped_until_a_thread_begins_it(running: Running, models: Hooked) -> None:
    begun, go_on = threading.Event(), threading.Event()
    models.before = lambda: (begun.set(), go_on.wait(LONG), None)[-1]
    running.enter("first", "second", "third")
    assert begun.wait(LONG)
    assert not running.engine.abort("first")
    assert running.engine.abort("second")
    assert not running.engine.abort("second")
    go_on.set()
    assert [running.outcome().id, running.outcome().id] == ["first", "third"]


@pytest.mark.parametrize("trouble", [None, SystemExit])
def test_what_a_stopped_engine_still_reads_is_dropped(
    running: Running, models: Hooked, trouble: type[BaseException] | None
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go_on.wait(LONG)
        if trouble:
            raise trouble

    models.before = wait
    running.enter("first", "second")
    assert begun.wait(LONG)
    running.engine.stop()
    assert not running.engine.alive()
    go_on.set()
    for thread in running.engine._readers:
        thread.join(LONG)
    assert running.outcomes.empty()
    assert running.failures.empty()


def test_a_c_library_without_malloc_arenas_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapid.ctypes, "CDLL", lambda _: object())
    rapid._keep_less_freed_memory()


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runtimes that models were loaded with; `auto` chooses openvino, which does not load."""
    loaded = []

    def load(name: str, threads: int) -> tuple[PlannedModels, str]:
        loaded.append(name)
        if name == "openvino":
            raise RuntimeError("no memory for kernels")
        return PlannedModels(PLAN), name

    monkeypatch.setattr(runtime_choice, "choose_runtime", lambda _: "openvino")
    monkeypatch.setattr(runtimes, "open_runtime", lambda name: name)
    # in place of the module, which imports rapidocr, and that takes a second or two
    monkeypatch.setitem(sys.modules, "ocr_celery.engine.rapid.loading", SimpleNamespace(load_models=load))
    return loaded


def started(runtime: str) -> str:
    """The revision of an engine that was started with this runtime."""
    engine = rapid.RapidEngine(1, runtime=runtime)
    engine.start(lambda _: None, lambda _: None)
    engine.stop()
    return engine.revision


def test_where_the_chosen_runtime_does_not_load_the_other_reads(
    loading: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert started("auto") == "onnxruntime"
    assert loading == ["openvino", "onnxruntime"]
    assert "runtime not usable: openvino, onnxruntime reads instead" in caplog.text


def test_a_runtime_that_was_asked_for_is_not_replaced(loading: list[str]) -> None:
    with pytest.raises(RuntimeError, match="no memory for kernels"):
        started("openvino")
    assert loading == ["openvino"]
