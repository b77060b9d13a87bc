"""Without Flower, `make flower` says what to install, and the Procfile's other programs run on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ocr_celery.local import flower as _  # noqa: F401 (it can be imported without Flower)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def without_flower(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python finds no Flower."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['flower'] = None\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCR_")}
    return {**kept, "PYTHONPATH": f"{tmp_path}:{ROOT}", "OCR_DATA_DIR": str(tmp_path)}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ocr_celery.local.flower", *arguments]


def test_by_hand_it_says_so_and_fails(without_flower: dict[str, str]) -> None:
    done = subprocess.run(
        command(), env=without_flower, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ocr-celery: Flower is not installed: pip install '.[flower]'\n"


def test_in_the_procfile_it_says_so_and_stays_until_it_is_stopped(without_flower: dict[str, str]) -> None:
    with subprocess.Popen(
        command("--stay"), env=without_flower, cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        line = process.stderr.readline()
        assert line.startswith("ocr-celery: Flower is not installed: pip install '.[flower]'; everything else runs")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
