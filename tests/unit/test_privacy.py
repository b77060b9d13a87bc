"""What the libraries of engines report or keep is decided before they are imported."""

import os
from pathlib import Path

import pytest

from ocr_celery import privacy


def test_what_the_operator_has_said_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    privacy.opt_out()
    assert (os.environ["DO_NOT_TRACK"], os.environ["ORT_DISABLE_TELEMETRY"]) == ("0", "1")


def test_no_hub_is_asked_for_a_model_that_is_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "environ", {})
    privacy.stay_offline("deepseek-ai/DeepSeek-OCR")
    assert not os.environ
    privacy.stay_offline(str(tmp_path))
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_caches_are_kept_in_a_folder_of_ours_unless_that_cannot_be_written_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "environ", {"TRITON_CACHE_DIR": "elsewhere"})
    privacy.set_cache_folders(tmp_path / "file" / "caches")
    assert os.environ == {"TRITON_CACHE_DIR": "elsewhere"}
    privacy.set_cache_folders(tmp_path / "data" / "caches")
    assert os.environ["TRITON_CACHE_DIR"] == "elsewhere"
    assert Path(os.environ["VLLM_CACHE_ROOT"]).is_relative_to(tmp_path / "data")
