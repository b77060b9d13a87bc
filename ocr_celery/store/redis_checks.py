"""Checks of a Redis before it is used: that it evicts nothing, and contains no tasks in an earlier layout."""

from typing import cast

from redis import Redis
from redis.exceptions import ResponseError

NOEVICTION = "noeviction"
UNKNOWN = "unknown"

#: keys of the layout before each service had a prefix: zsets of unfinished tasks
_EARLIER_OPEN = ("ocr:pending", "ocr:processing")


def eviction_policy(redis: Redis) -> str:
    """Redis's maxmemory-policy; `UNKNOWN` where it does not tell this user. Raises `RedisError` where it does not answer."""
    try:
        return str(redis.info("memory").get("maxmemory_policy", UNKNOWN))
    except ResponseError:
        return UNKNOWN


def eviction_refusal(policy: str) -> str:
    """Why a Redis with this policy cannot carry tasks, and what to do; empty where it can."""
    if policy in (NOEVICTION, UNKNOWN):
        return ""
    return (
        f"Redis drops keys when it is full (maxmemory-policy is {policy}), and accepted pages with them. Set it to "
        "noeviction: redis-cli CONFIG SET maxmemory-policy noeviction, or in the parameters of a managed Redis."
    )


def earlier_layout(redis: Redis) -> str:
    """What a version with the earlier layout left unfinished, and what to do about it; empty where there is nothing.

    Raises `RedisError` where Redis does not answer.
    """
    with redis.pipeline(transaction=False) as pipe:
        for key in _EARLIER_OPEN:
            pipe.zcard(key)
        count = sum(cast(list[int], pipe.execute()))
    if not count:
        return ""
    return (
        f"Redis holds {count} unfinished pages of an earlier version (its keys begin with ocr:), which this version does "
        "not see. Start a worker of that version on this Redis, with its OCR_QUEUE, until its /stats has none left; then "
        "delete its keys: redis-cli --scan --pattern 'ocr:*' | xargs redis-cli DEL"
    )
