"""Readings of pages in Redis, by the key of `core.page_cache`, each for a while.

The record of a task names the reading that its page left or was answered with, and forgetting the task deletes both in one
step (store/cancellation.py): so nothing of its text is left.
"""

from typing import cast

from redis import Redis

from ocr_celery.core.status import FORGOTTEN
from ocr_celery.store.keys import Keys

#: KEYS a reading, the record of a task. ARGV the key of the reading[, the reading, seconds to keep it]. A task that is forgotten,
#: or has to do with another reading already, neither gets nor leaves one. Answers the reading, or nil.
_NOTE = """
local state, known = redis.call('HGET', KEYS[2], 'state'), redis.call('HGET', KEYS[2], 'cached')
if not state or state == 'FORGOTTEN' or (known and known ~= ARGV[1]) then return nil end
local kept = ARGV[2] or redis.call('GET', KEYS[1])
if not kept then return nil end
redis.call('HSET', KEYS[2], 'cached', ARGV[1])
if ARGV[2] then redis.call('SET', KEYS[1], kept, 'EX', ARGV[3]) end
return kept
""".replace("FORGOTTEN", FORGOTTEN)


class KeptPages:
    """The readings that one service keeps. Both methods raise `RedisError`; a full Redis refuses both."""

    def __init__(self, redis: Redis, keys: Keys, *, ttl: int) -> None:
        """`ttl`: seconds that a reading is kept."""
        self._keys, self._ttl = keys, ttl
        self._note = redis.register_script(_NOTE)

    def get(self, key: str, task_id: str) -> bytes | None:
        """The reading under this key, which the page of this task is answered with."""
        return cast(bytes | None, self._note(keys=self._touched(key, task_id), args=[key]))

    def put(self, key: str, task_id: str, text: str) -> None:
        """Keep this reading, which the page of this task has had."""
        self._note(keys=self._touched(key, task_id), args=[key, text, self._ttl])

    def _touched(self, key: str, task_id: str) -> list[str]:
        return [self._keys.kept_page(key), self._keys.task(task_id)]
