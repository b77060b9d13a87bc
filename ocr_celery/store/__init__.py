"""The state in Redis: which tasks exist and their state (registry), and the images of waiting tasks (blobs).

Every change of more than one key is one Lua step (scripts.py), so that no crash leaves half of it behind.
"""

from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from ocr_celery.store.transient_errors import drop_on_failover

CONNECT_TIMEOUT = 1.0  #: seconds
ANSWER_TIMEOUT = 2.0  #: seconds; below the 3 s in which a caller learns that Redis is unavailable

_MAX_JOINED = 1024 * 1024  # bytes; more is not copied to be joined


class _SingleWriteConnection:
    """A connection that writes each group of commands with one system call. redis-py writes large arguments separately, and
    each of these calls wakes Redis and lets other threads run in between."""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """See redis-py."""
        parts = command if isinstance(command, list) else [command]
        if len(parts) > 1 and sum(map(len, parts)) <= _MAX_JOINED:
            parts = [b"".join(parts)]
        super().send_packed_command(parts, check_health)  # type: ignore[misc]


def connect(redis_url: str) -> "Redis":
    """A client for a Redis URL (redis, rediss, redis+socket), which gives up in seconds rather than hang.

    A pooled connection that died (the server was restarted) is replaced once; a server that does not answer gets no retry.
    """
    url = redis_url.replace("redis+socket://", "unix://", 1)
    local = url.startswith("unix://")
    redis = Redis.from_url(
        url,
        socket_timeout=ANSWER_TIMEOUT,
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
        retry_on_timeout=False,
        **({} if local else {"socket_connect_timeout": CONNECT_TIMEOUT, "socket_keepalive": True}),
    )
    pool = drop_on_failover(redis.connection_pool)
    pool.connection_class = type("Connection", (_SingleWriteConnection, pool.connection_class), {})
    return redis
