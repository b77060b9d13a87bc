"""Starts Python child processes: isolated (`-I`), with this package on `sys.path`.

A child inherits only the environment variables that say where programs and libraries are.
"""

import os
import sys
from pathlib import Path

#: for `sys.path`, which with `-I` has only the folders of the installation
_PACKAGE_DIR = str(Path(__file__).parents[2])
_INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def start_code(module: str) -> str:
    """The program that runs the function `main` of this module, which finds what it was given from `sys.argv[2]` on."""
    return f"import sys; sys.path[:0] = [] if sys.argv[1] in sys.path else [sys.argv[1]]; from {module} import main; main()"


def command(code: str, *arguments: object) -> list[str]:
    """The command line that runs this program, see `start_code`."""
    return [sys.executable, "-I", "-c", code, _PACKAGE_DIR, *map(str, arguments)]


def environment() -> dict[str, str]:
    """What a child inherits of this process's environment."""
    return {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
