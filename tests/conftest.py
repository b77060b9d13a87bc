"""A real Redis for the tests that need one."""

from collections.abc import Iterator

import pytest
from nodes import RedisServer, own_redis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = own_redis()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """An empty Redis."""
    redis_server.client.flushall()
    return redis_server
