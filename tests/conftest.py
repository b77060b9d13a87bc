"""A real Redis for the tests that need one."""

import gc
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from redis import ConnectionPool

from tests.testlib.effort import load_profiles
from tests.testlib.processes import RedisServer, own_redis

#: tests of vLLM run where it is installed: `make test-vllm` builds an environment for them
collect_ignore = [] if find_spec("vllm") else ["vllm"]

load_profiles()

#: folders by what a file of theirs takes: side by side, the longest come first, so that none is left for the end
_LONGEST_FIRST = ("worker", "local", "guest", "web", "decode", "process", "engine", "net", "unit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests by folder; within one they stay as they were."""
    ranks = {folder: rank for rank, folder in enumerate(_LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of each later garbage collection: it stays, and is most of all there is."""
    gc.collect()
    gc.freeze()


def close_connections() -> None:
    """Close what tests left open: in a cycle that is collected, a socket may come before the connection that closes it."""
    for pool in [thing for thing in gc.get_objects() if issubclass(type(thing), ConnectionPool)]:
        pool.disconnect()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = own_redis()
    server.start()
    yield server
    close_connections()
    gc.collect()  # a result of Celery's unsubscribes as it is collected, and raises where Redis is gone
    close_connections()
    server.stop()


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """An empty Redis."""
    redis_server.empty()
    return redis_server
