"""Telemetry is off before a library that has any is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from ocr_celery import privacy

ROOT = Path(__file__).parents[2]
LIBRARIES = ("onnxruntime", "rapidocr", "torch", "transformers", "huggingface_hub", "vllm", "openvino")


def test_importing_the_engines_turns_telemetry_off_and_imports_no_library_before() -> None:
    program = (
        "import os, sys, ocr_celery.engine, ocr_celery.engine.factory\n"
        f"print([name for name in {list(privacy.OPT_OUTS)} if name not in os.environ])\n"
        f"print([name for name in {LIBRARIES} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[]", "[]"], done.stderr


def test_openvino_is_imported_without_what_reports_its_use_and_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    telemetry = tmp_path / "packages" / "openvino_telemetry"
    telemetry.mkdir(parents=True)
    (telemetry / "__init__.py").write_text("print('reporting')")
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import sys; connected = []\n"
        "sys.addaudithook(lambda event, args: event in ('socket.connect', 'socket.getaddrinfo') and connected.append(args))\n"
        "from ocr_celery.engine.rapid.openvino_runtime import OpenVinoRuntime\n"
        "print([name for name, module in sys.modules.items() if name.startswith('openvino_telemetry') and module], connected)\n"
    )
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(tmp_path / "packages")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[] []\n", done.stderr
    assert list(home.iterdir()) == []
