"""A process that reads gives back what finding a page's lines took."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.testlib.processes import ROOT

#: prints by how many bytes a page has made the process larger
PROGRAM = """
import os, sys
import numpy as np
from ocr_celery.engine.rapid.model_files import MODEL_FILES
from ocr_celery.engine.rapid.runtimes import open_runtime

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

session = open_runtime(sys.argv[1]).load(MODEL_FILES["Det"])
session.run(np.zeros((1, 3, 64, 64), np.float32))
before = resident()
session.run(np.zeros((1, 3, 1280, 960), np.float32))
print(resident() - before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="this system does not say how much memory a process has"
)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_what_a_page_took_is_given_back_before_its_lines_are_read(runtime: str) -> None:
    if find_spec(runtime) is None:
        pytest.skip(f"{runtime} has no wheel for this system")
    # in a process of its own: what another test has freed in this one would be counted
    child = subprocess.run(
        [sys.executable, "-c", PROGRAM, runtime], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert int(child.stdout) < 140e6, "finding the lines takes 200 MB and more"
