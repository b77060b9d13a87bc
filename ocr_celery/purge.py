"""A purge settles what it removes: each page fails as `purged` at once, no longer counts as waiting, and counts in its chord.

All lists are set aside first, so that what the last page of a chord sends into the queue meanwhile is not purged with them.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError

from ocr_celery.errors import Purged
from ocr_celery.message import COLLECT, POOL_TASKS

log = logging.getLogger(__name__)

_MESSAGES_PER_STEP = 200
#: seconds that what was set aside stays, should this process die before it has failed the pages; the sweep finds them then
_KEEP = 3600


def purge(
    redis: Redis, lists: Sequence[str], unused_key: Callable[[], str], parse: Callable[[bytes], Any], backend: Any
) -> int:
    """Remove what waits in these lists and fail its pages. Answers how many messages there were.

    `lists`: in the order in which messages move. `unused_key`: a key to set a list aside. `parse`: from the text of a message
    to kombu's, which may raise anything. `backend`: where the results of these pages are stored.
    Raises `RedisError`; what was set aside by then is failed by the sweep, as any page without a message.
    """
    aside = [key for name in lists if _set_aside(redis, name, key := unused_key())]
    return sum(_fail_pages(redis, key, parse, backend) for key in aside)


def _set_aside(redis: Redis, name: str, aside: str) -> bool:
    """Whether there was such a list."""
    try:
        redis.rename(name, aside)  # no transaction: a full Redis takes none, and wants to be purged
    except ResponseError as exc:
        if "no such key" in str(exc):
            return False
        raise
    redis.expire(aside, _KEEP)
    return True


def _fail_pages(redis: Redis, aside: str, parse: Callable[[bytes], Any], backend: Any) -> int:
    removed = 0
    while texts := cast(list[bytes] | None, redis.rpop(aside, _MESSAGES_PER_STEP)):
        removed += len(texts)
        redis.expire(aside, _KEEP)
        for text in texts:
            _fail_purged_task(text, parse, backend)
    return removed


def _fail_purged_task(text: bytes, parse: Callable[[bytes], Any], backend: Any) -> None:
    from celery.app.task import Context

    try:
        message = parse(text)
        if message.headers["task"] not in {*POOL_TASKS, COLLECT}:
            return
        _, _, embedded = message.decode()
        request = Context(message.headers, **embedded)
        backend.mark_as_failure(request.id, Purged(), request=request)
    except Exception as exc:  # one message's trouble must not keep the others from being failed
        log.warning("could not fail a purged task: %r", exc)
