"""Which pages are in a node's engine, so that a crash of that node counts against them (core/quarantine.py says how much).

A page that was delivered before is marked while it is prepared, too: a picture can kill its decoder.
"""

from collections.abc import Sequence
from typing import cast

from redis import Redis

from ocr_celery.core.quarantine import Cause, RunMode, strikes
from ocr_celery.store import scripts
from ocr_celery.store.keys import Keys


def mark(redis: Redis, keys: Keys, node: str, ids: Sequence[str], mode: RunMode = RunMode.SHARED) -> None:
    """These pages are about to enter the engine, or are in it and now run in another mode."""
    script = redis.register_script(scripts.MARK)
    script(keys=[keys.inside(node)], args=[mode, *ids])


def clear(redis: Redis, keys: Keys, node: str, ids: Sequence[str]) -> None:
    """These pages have left the engine."""
    redis.hdel(keys.inside(node), *ids)


def clear_all(redis: Redis, keys: Keys, node: str) -> None:
    """The node ends in order: that counts against no page."""
    redis.delete(keys.inside(node))


def add_strikes(redis: Redis, keys: Keys, node: str, cause: Cause) -> int:
    """This node has ended, or its engine: add the strikes to the record of each marked page. Returns how many there were."""
    script = redis.register_script(scripts.STRIKE)
    while True:
        marks = cast(dict[bytes, bytes], redis.hgetall(keys.inside(node)))
        records = [keys.task(id.decode()) for id in marks]
        args: list[str | bytes | int] = [cause]
        for id, mode in marks.items():
            added = strikes(cause, _mode(mode), neighbours=len(marks) - 1)
            args += [id, mode, added.strikes, added.solo_strikes]
        if script(keys=[keys.inside(node), *records], args=args):
            return len(marks)


def convict(redis: Redis, keys: Keys, node: str, id: str, cause: Cause) -> None:
    """Attribute the imminent exit to this page only, not to its neighbours."""
    clear_all(redis, keys, node)
    mark(redis, keys, node, [id], RunMode.QUARANTINED)
    add_strikes(redis, keys, node, cause)


def _mode(mark: bytes) -> RunMode:
    try:
        return RunMode(mark.decode())
    except ValueError:  # of another version
        return RunMode.SHARED
