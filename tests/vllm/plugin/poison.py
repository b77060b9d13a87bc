"""A page that allows this many tokens kills the process of the engine that takes it in.

vLLM calls `register` in each of its processes (entry point ``vllm.general_plugins``) when this folder is on PYTHONPATH.
"""

import os
import signal
from functools import wraps
from typing import Any

TOKENS = 666


def register() -> None:
    """Wrap what takes a page in; once."""
    from vllm.v1.engine.core import EngineCore

    original = EngineCore.add_request
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def deadly(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.max_tokens == TOKENS:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, request, *args, **kwargs)

    EngineCore.add_request = deadly
