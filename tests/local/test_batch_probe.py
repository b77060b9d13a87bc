"""tools/batch_probe.py: what it advises, and what it does with an engine that dies."""

import os
import re
import signal
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.testlib.processes import until

TOOLS = Path(__file__).parents[2] / "tools"
FILE = TOOLS / "batch_probe.py"


@pytest.fixture(scope="module")
def probe() -> Any:
    """The part of the tool that advises."""
    spec = spec_from_file_location("batch_probe_advice", TOOLS / "probe" / "advice.py")
    assert spec
    assert spec.loader
    sys.modules[spec.name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def steps(probe: Any, *rates: float) -> list[Any]:
    return [probe.Step(batch=2**n, rate=rate, p50=1, p95=1, cpu=1, memory=1) for n, rate in enumerate(rates)]


def test_the_smallest_batch_that_is_nearly_as_fast_as_the_fastest_is_recommended(probe: Any) -> None:
    assert probe.advise(steps(probe, 1, 2, 3.9, 4), failed=False).recommended == 4


def test_half_of_what_fits_is_recommended_where_more_failed(probe: Any) -> None:
    advice = probe.advise(steps(probe, 1, 2, 4, 8), failed=True)
    assert (advice.largest, advice.recommended) == (8, 4)
    assert probe.advise(steps(probe, 1, 2, 2, 2), failed=True).recommended == 2
    assert probe.advise(steps(probe, 1), failed=True).recommended == 1


def test_it_stops_when_two_steps_brought_nothing(probe: Any) -> None:
    assert not probe.is_flat(steps(probe, 1, 2))
    assert not probe.is_flat(steps(probe, 1, 2, 2))
    assert probe.is_flat(steps(probe, 1, 2, 2, 2.05))


def test_sizes_double_up_to_the_most(probe: Any) -> None:
    assert probe.batch_sizes(1) == [1]
    assert probe.batch_sizes(8) == [1, 2, 4, 8]
    assert probe.batch_sizes(12) == [1, 2, 4, 8, 12]


def run(folder: Path, *arguments: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    Image.new("RGB", (80, 80), "white").save(folder / "page.png")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("OCR_")}
    command = [sys.executable, str(FILE), "--test-image", "page.png", "--engine", "scripted", *arguments]
    env = {**clean, **{k: str(v) for k, v in settings.items()}}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_it_measures_recommends_writes_and_draws(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OCR_PORT=9000\nOCR_BATCH_SIZE=3\n")
    done = run(tmp_path, "--max-batch", "4", "--write-env", "--plot", "out.png", OCR_SCRIPTED_SECONDS=0.2)
    assert done.returncode == 0, done.stderr
    assert [int(n) for n in re.findall(r"^ +(\d+)(?: +[\d.]+){5}$", done.stdout, re.MULTILINE)] == [
        1,
        2,
        4,
    ]
    assert "Maximum safe batch size: 4" in done.stdout
    (line,) = re.findall(r"OCR_BATCH_SIZE=\d", done.stdout)  # which it is, the machine's load decides too
    assert (tmp_path / ".env").read_text() == f"OCR_PORT=9000\n{line}\nOCR_MAX_QUEUE_SIZE=100\n"
    with Image.open(tmp_path / "out.png") as drawn:
        assert drawn.width > 300


def test_an_engine_that_breaks_ends_the_search_with_what_was_found(tmp_path: Path) -> None:
    done = run(tmp_path, "--max-batch", "8", OCR_SCRIPTED_SECONDS=0.05, OCR_SCRIPTED_DIE_AFTER=20)
    assert done.returncode == 0, done.stderr
    assert "failed with more than 2 pages at once" in done.stderr
    assert "Maximum safe batch size: 2" in done.stdout


def test_an_engine_whose_process_is_killed_leaves_the_probe_alive(tmp_path: Path) -> None:
    done = run(tmp_path, "--prompt", "boom", OCR_SCRIPTED_KILL="boom")
    assert done.returncode == 1
    assert "the engine failed before the first page was read: killed by signal 9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("isolated", [["-S"], ["-S", "-I"]])
def test_a_python_that_has_nothing_of_ours_is_told_which_one_has(tmp_path: Path, isolated: list[str]) -> None:
    command = [sys.executable, *isolated, str(FILE), "--test-image", "page.png"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r".* is not installed for .*: \.venv/bin/python tools/batch_probe\.py …\n", done.stderr)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_it_started_ends_with_it(tmp_path: Path, how: int) -> None:
    Image.new("RGB", (80, 80), "white").save(tmp_path / "page.png")
    command = [sys.executable, str(FILE), "--test-image", "page.png", "--engine", "scripted"]
    env = {**os.environ, "OCR_SCRIPTED_SECONDS": "60"}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as probe:
        assert probe.stderr is not None
        until(lambda: "scripted" in probe.stderr.readline(), what="it measures")
        child = int(Path(f"/proc/{probe.pid}/task/{probe.pid}/children").read_text())
        probe.send_signal(how)
    until(lambda: not alive(child), timeout=10, what="nothing of it is left")
