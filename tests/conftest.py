"""A real Redis for the tests that need one."""

import gc
from collections.abc import Iterator

import pytest
from nodes import RedisServer, own_redis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = own_redis()
    server.start()
    yield server
    gc.collect()  # a result of Celery's unsubscribes as it is collected, and raises where Redis is gone
    server.stop()


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """An empty Redis."""
    redis_server.client.flushall()
    return redis_server
