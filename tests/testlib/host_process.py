"""What the tests of another service's process call."""

import subprocess
from collections.abc import Callable

#: runs a program of another service, for these environment variables
Host = Callable[..., "subprocess.CompletedProcess[str]"]
