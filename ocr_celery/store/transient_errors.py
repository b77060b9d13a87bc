"""Which errors mean that Redis cannot work just now and may later, so that it is worth asking again. All others stay.

Asking again for ever is right for the first kind only: a key of the wrong type is of the wrong type tomorrow, too.
"""

from collections.abc import Iterator
from typing import Any

from redis import ConnectionPool, exceptions

_TYPES: tuple[type[BaseException], ...] = (
    exceptions.ConnectionError,  # also one that is refused for its password, or while Redis loads its data
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
#: how Redis begins to say the same; within a Lua script older ones say it after "-"
_WORDS = (
    *("OOM", "READONLY", "LOADING", "BUSY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"),
    *("NOAUTH", "NOPERM", "WRONGPASS", "UNKILLABLE", "UNBLOCKED"),
)
#: what a Redis says that is no longer, or not yet, the one that takes writes
_ELSEWHERE = ("READONLY", "NOREPLICAS", "MASTERDOWN", "UNBLOCKED")
_CLASSES_ELSEWHERE = (exceptions.ReadOnlyError, exceptions.MasterDownError)


def is_transient(exc: BaseException) -> bool:
    """Whether this error, or what caused it, may pass by itself."""
    return any(isinstance(one, _TYPES) or _says(one, _WORDS) for one in _causes(exc))


def is_failover(exc: BaseException) -> bool:
    """Whether another Redis may be the one that takes writes by now: a new connection may lead there."""
    return any(isinstance(one, _CLASSES_ELSEWHERE) or _says(one, _ELSEWHERE) for one in _causes(exc))


class _ReconnectsOnFailover:
    """A connection that is made anew before its next use where it leads to a Redis that takes no writes any more."""

    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        """See redis-py."""
        try:
            return super().read_response(*args, **kwargs)  # type: ignore[misc]
        except exceptions.ResponseError as exc:
            if is_failover(exc):
                self.mark_for_reconnect()  # type: ignore[attr-defined]
            raise


def drop_on_failover(pool: ConnectionPool) -> ConnectionPool:
    """This pool, whose connections follow their address to another Redis where theirs has become a replica."""
    pool.connection_class = type("Connection", (_ReconnectsOnFailover, pool.connection_class), {})
    return pool


def _says(exc: BaseException, words: tuple[str, ...]) -> bool:
    if not isinstance(exc, exceptions.ResponseError):
        return False
    text = str(exc).rpartition(" of pipeline caused error: ")[2]
    return any(text.startswith(f"{word} ") or f" -{word} " in text for word in words)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """The error and what led to it; libraries wrap what Redis says in errors of their own."""
    seen: set[int] = set()
    one: BaseException | None = exc
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
