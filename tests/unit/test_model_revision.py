"""Two models that might answer differently have different revisions."""

import os
from pathlib import Path

from ocr_celery.engine import revision


def test_a_model_whose_files_change_is_another(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    (tmp_path / "notes").mkdir()
    known = revision.of_model(str(tmp_path), "engine=1")
    assert known == revision.of_model(str(tmp_path), "engine=1")
    assert known != revision.of_model(str(tmp_path), "engine=2")
    written = weights.stat().st_mtime_ns
    weights.write_bytes(b"weighty")
    os.utime(weights, ns=(written, written + 1))
    assert known != revision.of_model(str(tmp_path), "engine=1")


def test_small_models_are_told_apart_by_their_contents(tmp_path: Path) -> None:
    found = set()
    for text in (b"one", b"two"):
        (tmp_path / "model.onnx").write_bytes(text)
        found.add(revision.of_files([tmp_path / "model.onnx"], "engine=1"))
    found.add(revision.of_files([tmp_path / "model.onnx"], "engine=2"))
    assert len(found) == 3
