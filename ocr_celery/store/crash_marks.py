"""Which pages are inside a node's engine, so that the death of that node can be laid to them.

A page that was inside at two deaths is suspected, and read alone; one that was alone inside at two is convicted. A single
death proves nothing, as somebody else may have killed the worker; nor does one that comes soon after the worker's start,
since whoever kills it again and again does it then: such a page does not count as alone (core/batching.py).

A page that was delivered before counts as inside while it is prepared, too: a picture can kill whoever decodes it.
"""

from collections.abc import Sequence
from typing import Literal, cast

from redis import Redis

from ocr_celery.store import scripts
from ocr_celery.store.keys import Keys

SUSPECTED = 2  #: deaths with the page inside after which it is read alone
CONVICTED = 2  #: deaths with the page alone inside after which it is not read any more
#: what ended it → how many such deaths one of a suspect counts for. An engine that broke again, in a worker that lived to
#: tell, is no accident of somebody else's making.
WEIGHT = {"worker": 1, "engine": 2, "deadline": 1}


How = Literal["among others", "alone", "suspected"]  #: the last one alone, too


def enter(redis: Redis, keys: Keys, node: str, ids: Sequence[str], how: How = "among others") -> None:
    """These pages are about to enter the engine, or are there and no longer alone."""
    script = redis.register_script(scripts.ENTER)
    script(keys=[keys.inside(node)], args=[how, *ids])


def leave(redis: Redis, keys: Keys, node: str, ids: Sequence[str]) -> None:
    """These pages have come out."""
    redis.hdel(keys.inside(node), *ids)


def forget(redis: Redis, keys: Keys, node: str) -> None:
    """The node ends and none of its pages is to blame."""
    redis.delete(keys.inside(node))


def blame(redis: Redis, keys: Keys, node: str, what: str) -> int:
    """`what` ("worker", "engine") of this node has ended: remember it of each page inside. Answers how many there were."""
    script = redis.register_script(scripts.BLAME)
    while True:
        seen = cast(dict[bytes, bytes], redis.hgetall(keys.inside(node)))
        records = [keys.task(id.decode()) for id in seen]
        flat = [x for pair in seen.items() for x in pair]
        if script(keys=[keys.inside(node), *records], args=[what, WEIGHT[what], *flat]):
            return len(seen)


def blame_one(redis: Redis, keys: Keys, node: str, id: str, what: str) -> None:
    """This page alone is to blame for the end that is coming, its neighbours are not."""
    forget(redis, keys, node)
    enter(redis, keys, node, [id], "suspected")
    blame(redis, keys, node, what)
    redis.register_script(scripts.SUSPECT)(keys=[keys.task(id)], args=[SUSPECTED])
