"""Sets the environment variables that vLLM reads when it is imported and when it starts processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SOCKET_DIR = "VLLM_RPC_BASE_PATH"  # the folder of its sockets
_DEFAULTS = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # the worker has threads, and a fork would keep the reaper's pipe open
    "VLLM_USE_V2_MODEL_RUNNER": "0",  # the newer one refuses per-request n-gram limits
    "VLLM_LOGGING_LEVEL": "WARNING",
    # all processes are on this machine; without it vLLM finds its address by connecting to 8.8.8.8
    "VLLM_HOST_IP": "127.0.0.1",
}


def prepare_environment() -> None:
    """Set the variables that vLLM reads when it is imported, except those that are set already."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


@contextmanager
def default_socket_dir(folder: str) -> Iterator[None]:
    """Make vLLM create its sockets in this folder, unless the environment names another."""
    given = os.environ.get(_SOCKET_DIR)
    os.environ[_SOCKET_DIR] = given or folder
    try:
        yield
    finally:
        if not given:
            del os.environ[_SOCKET_DIR]
