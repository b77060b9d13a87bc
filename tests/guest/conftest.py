"""Our client as another service has it: installed from the wheel, in a process and a folder of that service's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testlib.host_process import Host
from tests.testlib.processes import ROOT, own_redis

own_redis()

#: what `pip` reads to build the wheel, and what must not get into it
SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "celeryconfig.py", "ocr_celery", "web")

#: in front of a program: what is installed is seen, the checkout that these tests run from is not
INSTALLED = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path.insert(0, {target!r})
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        here = ROOT / name
        if here.is_dir():
            shutil.copytree(here, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(here, source / name)
    pip("wheel", "--no-build-isolation", "--wheel-dir", out, source)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def target(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A separate site-packages that the wheel is installed into."""
    folder = tmp_path_factory.mktemp("site-packages")
    pip("install", "--no-compile", "--target", folder, wheel)
    return folder


def pip(*arguments: object) -> None:
    """Without a network and without dependencies, which the tests' own environment has."""
    options = ("--no-index", "--no-deps", "--quiet", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", str(arguments[0]), *options, *map(str, arguments[1:])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def host(target: Path, tmp_path: Path) -> Host:
    """``host(program, NAME="value", …)`` runs a program of another service, which has our client installed, in its folder."""

    def run(program: str, **environment: object) -> "subprocess.CompletedProcess[str]":
        clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")}
        return subprocess.run(
            [sys.executable, "-I", "-c", INSTALLED.format(target=str(target)) + program],
            cwd=tmp_path,
            env={**clean, **{name: str(value) for name, value in environment.items()}},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
