"""A worker that was installed without an engine's extra says in one line which one to install."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_worker_without_the_packages_for_pages_names_the_extra(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['requests_hardened'] = None\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCR_")}
    done = subprocess.run(
        [sys.executable, "-m", "celery", "--quiet", "-A", "ocr_celery", "worker"],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "ocr-celery: a worker needs requests-hardened: pip install 'ocr-celery[cpu]', "
        "or 'ocr-celery[gpu]' for DeepSeek-OCR on vLLM\n"
    )
