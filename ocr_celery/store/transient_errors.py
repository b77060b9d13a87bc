"""Which errors of Redis are temporary, so that a retry may succeed. All others are permanent.

An unlimited retry is right for temporary errors only: a key of the wrong type will not change by itself.
"""

from collections.abc import Iterator
from typing import Any

from redis import ConnectionPool, exceptions

_TYPES: tuple[type[BaseException], ...] = (
    exceptions.ConnectionError,  # also a refused password, and Redis loading its data
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
    exceptions.NoPermissionError,
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    exceptions.ExecAbortError,
    exceptions.WatchError,
    ConnectionError,
    TimeoutError,
)
#: how the text of such an error begins; within a Lua script older versions put "-" before it
_WORDS = (
    *("OOM", "READONLY", "LOADING", "BUSY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"),
    *("NOAUTH", "NOPERM", "WRONGPASS", "UNKILLABLE", "UNBLOCKED"),
)
#: errors of a Redis that is not, or not yet, the primary
_ELSEWHERE = ("READONLY", "NOREPLICAS", "MASTERDOWN", "UNBLOCKED")
_CLASSES_ELSEWHERE = (exceptions.ReadOnlyError, exceptions.MasterDownError)


def is_transient(exc: BaseException) -> bool:
    """Whether this error, or what caused it, is temporary."""
    return any(isinstance(one, _TYPES) or _says(one, _WORDS) for one in _causes(exc))


def is_failover(exc: BaseException) -> bool:
    """Whether another Redis may be the primary now: a new connection may reach it."""
    return any(isinstance(one, _CLASSES_ELSEWHERE) or _says(one, _ELSEWHERE) for one in _causes(exc))


class _ReconnectsOnFailover:
    """A connection that reconnects before its next use if its Redis no longer accepts writes."""

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """See redis-py."""
        try:
            return super().read_response(*args, **kwargs)  # type: ignore[misc]
        except exceptions.ResponseError as exc:
            if is_failover(exc):
                self.mark_for_reconnect()  # type: ignore[attr-defined]
            raise


def drop_on_failover(pool: ConnectionPool) -> ConnectionPool:
    """This pool, changed so that its connections reconnect after their Redis has become a replica."""
    pool.connection_class = type("Connection", (_ReconnectsOnFailover, pool.connection_class), {})
    return pool


def _says(exc: BaseException, words: tuple[str, ...]) -> bool:
    if not isinstance(exc, exceptions.ResponseError):
        return False
    text = str(exc).rpartition(" of pipeline caused error: ")[2]
    return any(text.startswith(f"{word} ") or f" -{word} " in text for word in words)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """The error and its causes: libraries wrap the errors of redis-py."""
    seen: set[int] = set()
    one: BaseException | None = exc
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
