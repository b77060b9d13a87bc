"""The names under which messages are held: which of them are dead, and which hold something. Few commands for many names."""

from collections.abc import Iterator, Sequence
from typing import cast

from redis import Redis

from ocr_celery.store import scripts
from ocr_celery.store.keys import Keys

_NAMES_PER_COMMAND = 1000


def names_with_messages(redis: Redis, keys: Keys, names: Sequence[str]) -> Iterator[str]:
    """Those of these names that hold anything. Where none does, this is one command for hundreds of them."""
    for some in _in_parts(names):
        if not redis.exists(*(key for name in some for key in keys.held_by(name))):
            continue
        with redis.pipeline(transaction=False) as pipe:
            for name in some:
                pipe.exists(*keys.held_by(name))
            yield from (name for name, count in zip(some, pipe.execute(), strict=True) if count)


def forget_names(redis: Redis, keys: Keys, names: Sequence[str], *, seconds: float) -> int:
    """Forget those of these names that hold nothing and whose lease ended so many seconds ago. Answers how many."""
    script, count = redis.register_script(scripts.FORGET_NODES), 0
    for some in _in_parts(names):
        held = [key for name in some for key in keys.held_by(name)]
        count += cast(int, script(keys=[keys.nodes, *held], args=[seconds, *some]))
    return count


def _in_parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[i : i + _NAMES_PER_COMMAND] for i in range(0, len(names), _NAMES_PER_COMMAND))
