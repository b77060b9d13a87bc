"""A runtime loads a model's file into a session that threads share, and rapidocr's steps run with it."""

from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from ocr_celery.engine.rapid import loading
from ocr_celery.engine.rapid.layout_model import find_model_file
from ocr_celery.engine.rapid.loading import load_models
from ocr_celery.engine.rapid.model_files import MODEL_FILES
from ocr_celery.engine.rapid.onnxruntime_runtime import OnnxRuntime
from ocr_celery.engine.rapid.runtimes import Array, Runtime, Session, is_large, open_runtime

DIRECTION = MODEL_FILES["Cls"]  #: the smallest: whether a line stands on its head, as two probabilities
LINES = [np.random.default_rng(seed).random((1, 3, 48, 192), np.float32) for seed in range(6)]


@pytest.fixture(params=["onnxruntime", "openvino"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} has no wheel for this system")
    return open_runtime(request.param)


def test_a_session_answers_with_the_outputs_of_its_model(runtime: Runtime) -> None:
    (probabilities,) = runtime.load(DIRECTION).run(LINES[0])
    assert probabilities.shape == (1, 2)
    assert probabilities.sum() == pytest.approx(1, abs=1e-4)


def test_a_session_knows_what_the_file_says_of_its_model(runtime: Runtime) -> None:
    assert "a" in runtime.load(MODEL_FILES["Rec"]).metadata["character"].splitlines()


def test_both_runtimes_answer_the_same() -> None:
    pytest.importorskip("openvino")
    answers = [open_runtime(name).load(DIRECTION).run(LINES[0])[0] for name in ("onnxruntime", "openvino")]
    assert np.allclose(*answers, atol=1e-4)


@pytest.mark.parametrize("at_once", [1, 2])
def test_threads_share_a_session_for_large_inputs(runtime: Runtime, at_once: int) -> None:
    session = runtime.load(DIRECTION, threads=at_once)
    batch = np.concatenate(LINES * 8)
    alone = session.run(batch)[0]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda _: session.run(batch)[0], range(6)))
    assert is_large([batch])
    assert np.allclose(together, [alone] * 6)


@pytest.mark.parametrize("at_once", [1, 2])
def test_threads_share_a_session(runtime: Runtime, at_once: int) -> None:
    session = runtime.load(DIRECTION, threads=at_once)
    alone = [session.run(line)[0] for line in LINES]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda line: session.run(line)[0], LINES * 4))
    assert np.allclose(together, alone * 4)
    assert not np.allclose(alone[0], alone[1]), "the lines are to differ"


def test_what_a_session_answered_stays_as_it_is(runtime: Runtime) -> None:
    session = runtime.load(DIRECTION)
    (first,) = session.run(LINES[0])
    kept = first.copy()
    session.run(LINES[1])
    assert (first == kept).all()


class Noting(OnnxRuntime):
    def __init__(self) -> None:
        self.loaded: dict[Path, int] = {}
        self.asked: list[tuple[int, ...]] = []

    def load(self, file: Path, *, threads: int = 1) -> "Noted":  # type: ignore[override]
        self.loaded[file] = threads
        return Noted(super().load(file, threads=threads), self.asked)


class Noted:
    def __init__(self, session: Session, asked: list[tuple[int, ...]]) -> None:
        self.session, self.asked, self.metadata = session, asked, session.metadata

    def run(self, *inputs: Array) -> list[Array]:
        self.asked.append(inputs[0].shape)
        return self.session.run(*inputs)


def test_rapidocr_reads_with_the_runtime_it_is_given_one_line_at_a_time() -> None:
    own, runtime = loading.onnxruntime_sessions.OrtInferSession, Noting()
    models, revision = load_models(runtime, 2)
    at_once = {MODEL_FILES["Det"]: 1, MODEL_FILES["Cls"]: 2, MODEL_FILES["Rec"]: 2}
    assert runtime.loaded == {**at_once, **({layout: 1} if (layout := find_model_file()) else {})}
    assert loading.onnxruntime_sessions.OrtInferSession is own, "what rapidocr has is to stay as it was"
    assert f" onnxruntime={OnnxRuntime.version} " in revision
    runtime.asked.clear()
    models.recognize([np.full((48, width, 3), 255, np.uint8) for width in (400, 400, 30)])
    assert sorted(runtime.asked) == [(1, 3, 48, 160), (1, 3, 48, 400), (1, 3, 48, 400)]
