"""The environment variables that vLLM must find when it is imported and when it starts its processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SOCKET_DIR = "VLLM_RPC_BASE_PATH"  # the folder that vLLM makes its sockets in
_DEFAULTS = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a worker has threads, and a fork would keep the reaper's pipe open
    "VLLM_USE_V2_MODEL_RUNNER": "0",  # the newer one refuses the n-gram guard
    "VLLM_LOGGING_LEVEL": "WARNING",
    # its processes are of one machine; else it finds an address to listen on by a connection to 8.8.8.8
    "VLLM_HOST_IP": "127.0.0.1",
}


def prepare_environment() -> None:
    """Set what vLLM must find in the environment when it is imported; what is set already stays."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


@contextmanager
def default_socket_dir(folder: str) -> Iterator[None]:
    """Have vLLM make its sockets in this folder, unless the environment names another."""
    given = os.environ.get(_SOCKET_DIR)
    os.environ[_SOCKET_DIR] = given or folder
    try:
        yield
    finally:
        if not given:
            del os.environ[_SOCKET_DIR]
