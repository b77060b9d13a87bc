"""A worker that has read many pages is no larger than one that has read some; 2,000 pages: `benchmarks/soak.py`."""

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


def test_a_worker_and_its_engine_do_not_grow(checkpoint: Path) -> None:
    command = [sys.executable, str(SOAK), "--pages", "200", "--warm-up", "100", "--every", "100"]
    ran = subprocess.run([*command, "--model", str(checkpoint)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "after 100 pages of warm-up" in ran.stdout
