"""Which engine a worker runs."""

import importlib.util
import sys
from types import SimpleNamespace

import pytest

from ocr_celery.engine import factory
from ocr_celery.engine.factory import check_installed, create_engine
from ocr_celery.settings import Settings, SettingsError

HERE = importlib.util.find_spec


def with_vllm(monkeypatch: pytest.MonkeyPatch, *, gpu: bool) -> None:
    monkeypatch.setattr(factory, "find_spec", lambda name: HERE("math") if name == "vllm" else HERE(name))
    torch = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: gpu))
    monkeypatch.setitem(sys.modules, "torch", torch)


def test_without_vllm_asking_for_it_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"OCR_ENGINE: vllm is not installed; pip install -e '\.\[gpu\]'"):
        create_engine(Settings(engine="vllm"))


@pytest.mark.parametrize(("gpu", "name"), [(True, "vllm"), (False, "rapidocr")])
def test_auto_is_vllm_where_it_finds_a_gpu(monkeypatch: pytest.MonkeyPatch, gpu: bool, name: str) -> None:
    with_vllm(monkeypatch, gpu=gpu)
    assert create_engine(Settings(engine="auto")).name == name


def test_auto_without_vllm_is_rapidocr() -> None:
    assert create_engine(Settings(engine="auto")).name == "rapidocr"


def test_a_runtime_that_is_not_installed_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "find_spec", lambda _: None)
    with pytest.raises(
        SettingsError, match=r"OCR_RAPID_RUNTIME: openvino is not installed; pip install .*, or use auto"
    ):
        create_engine(Settings(engine="rapidocr", rapid_runtime="openvino"))
    check_installed(Settings(engine="scripted", rapid_runtime="openvino"))  # who reads with something else needs none


def test_vllm_is_given_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with_vllm(monkeypatch, gpu=False)
    engine = create_engine(Settings(engine="vllm", model_path="deepseek-ai/DeepSeek-OCR", batch_size=24))
    assert (engine.name, engine.model, engine.capacity) == ("vllm", "deepseek-ai/DeepSeek-OCR", 24)
    assert not engine.alive()
    engine.stop()
