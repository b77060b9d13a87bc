"""Which pages are in a node's engine, so that a crash of that node counts against them (core/quarantine.py says how much).

A page that was delivered before is marked while it is prepared, too: a picture can kill its decoder.
"""

from collections.abc import Sequence
from typing import cast

from redis import Redis

from ocr_celery.core.quarantine import Cause, RunMode, strikes
from ocr_celery.store import scripts
from ocr_celery.store.keys import Keys


class CrashMarks:
    """The marks of one node. Safe to use from many threads; every method raises `RedisError` where Redis is away."""

    def __init__(self, redis: Redis, keys: Keys, node: str) -> None:
        self._redis = redis
        self._keys = keys
        self._key = keys.inside(node)
        self._mark = redis.register_script(scripts.MARK)
        self._strike = redis.register_script(scripts.STRIKE)

    def mark(self, ids: Sequence[str], mode: RunMode = RunMode.SHARED) -> None:
        """Mark pages that are about to enter the engine, or that are in it and now run in another mode."""
        self._mark(keys=[self._key], args=[mode, *ids])

    def clear(self, ids: Sequence[str]) -> None:
        """Remove the marks of pages that have left the engine."""
        self._redis.hdel(self._key, *ids)

    def clear_all(self) -> None:
        """Remove all marks: the node ends in order, which counts against no page."""
        self._redis.delete(self._key)

    def add_strikes(self, cause: Cause) -> int:
        """This node has ended, or its engine: add the strikes of each marked page. Returns how many were marked."""
        while True:
            marks = cast(dict[bytes, bytes], self._redis.hgetall(self._key))
            records = [self._keys.task(id.decode()) for id in marks]
            args: list[str | bytes | int] = [cause]
            for id, mode in marks.items():
                added = strikes(cause, _mode(mode), neighbours=len(marks) - 1)
                args += [id, mode, added.strikes, added.solo_strikes]
            if self._strike(keys=[self._key, *records], args=args):
                return len(marks)

    def convict(self, id: str, cause: Cause) -> None:
        """Attribute the imminent exit to this page only, not to its neighbours."""
        self.clear_all()
        self.mark([id], RunMode.QUARANTINED)
        self.add_strikes(cause)


def _mode(mark: bytes) -> RunMode:
    try:
        return RunMode(mark.decode())
    except ValueError:  # of another version
        return RunMode.SHARED
