"""Exports in Redis: one hash for each task, so that they go with it, and each step of an export is one step in Redis.

An export is queued once, however many ask for it. It is made once, however often its message is delivered: the step that
begins it says whether it is made already, or has been tried too often.
"""

import json
from collections.abc import Sequence
from typing import cast

from redis import Redis

from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.export_status import FAILED_KEEP, MAX_SILENCE, ExportStatus
from ocr_celery.core.status import Status
from ocr_celery.errors import NoResult, OcrError, QueueFull
from ocr_celery.store.keys import Keys

MOST_WAITING = 10_000  #: exports in the queue; with more none is taken in
UNREAD, GONE, MADE = -2, -1, 0  #: what `begin` answers beside the number of the try
CHANGED, SUPERSEDED = 1, -3  #: what calls that change a record answer beside `GONE`

#: Queue an export, unless it waits, is being made or is made. KEYS the task's record, its exports, the queue of exporters. ARGV
#: id, now, the record of one that waits, the message, seconds to keep the hash, most in the queue, seconds after which one that
#: failed, and one that was not noted as alive, is queued again, whether it needs a result (0/1). Answers its record, or nil where
#: the task is gone, 0 where the queue is full, or -2 where there is no result, which a file that is made now would lack for good.
ASK = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'FORGOTTEN' then return false end
if ARGV[9] == '1' and state ~= 'SUCCESS' then return -2 end
local known, now = redis.call('HGET', KEYS[2], ARGV[1]), tonumber(ARGV[2])
if known then
  local export = cjson.decode(known)
  local age = now - export.at
  local again = export.status == 'failed' and age >= tonumber(ARGV[7])
    or export.status == 'processing' and age >= tonumber(ARGV[8])
    or export.status == 'pending' and age >= tonumber(ARGV[8]) and redis.call('EXISTS', KEYS[3]) == 0
  if not again then return known end
end
if redis.call('LLEN', KEYS[3]) >= tonumber(ARGV[6]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('LPUSH', KEYS[3], ARGV[4])
return ARGV[3]
"""

#: Begin to make an export. KEYS the task's record, its exports. ARGV id, now, seconds to keep the hash, whether it needs a result
#: (0/1), a name for this try. Answers which try it is, 0 where it is made already, -1 where its task is gone, -2 where it has no
#: result.
BEGIN = """
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'FORGOTTEN' then return -1 end
if ARGV[4] == '1' and state ~= 'SUCCESS' then return -2 end
local known = redis.call('HGET', KEYS[2], ARGV[1])
local export = known and cjson.decode(known) or {}
if export.status == 'completed' then return 0 end
local tries = (export.tries or 0) + 1
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode({
  status = 'processing', tries = tries, by = ARGV[5], at = tonumber(ARGV[2])
}))
redis.call('EXPIRE', KEYS[2], ARGV[3])
return tries
"""

#: Change the record of an export, unless it is gone with its task, or another try has begun meanwhile. KEYS the task's record,
#: its exports, the channel of changes. ARGV id, fields as JSON, whether to tell those who wait (0/1), the name of the try.
#: Answers 1, -1 where it is gone, -3 where it is another's.
CHANGE = """
local state, known = redis.call('HGET', KEYS[1], 'state'), redis.call('HGET', KEYS[2], ARGV[1])
if not state or state == 'FORGOTTEN' or not known then return -1 end
local export = cjson.decode(known)
if export.by and export.by ~= '' and export.by ~= ARGV[4] then return -3 end
for name, value in pairs(cjson.decode(ARGV[2])) do export[name] = value end
redis.call('HSET', KEYS[2], ARGV[1], cjson.encode(export))
if ARGV[3] == '1' then redis.pcall('PUBLISH', KEYS[3], ARGV[1]) end
return 1
"""


class Exports:
    """The exports of one service. `keep`: seconds that a result stays. All calls raise `RedisError`."""

    def __init__(self, redis: Redis, keys: Keys, *, keep: int) -> None:
        self._redis, self._keys, self._keep = redis, keys, keep
        self._ask = redis.register_script(ASK)
        self._begin = redis.register_script(BEGIN)
        self._change = redis.register_script(CHANGE)

    def ask(self, export: ExportRequest, message: str, *, now: float) -> ExportStatus | None:
        """Queue an export, unless it waits, is being made or is made. Answers how it stands; None where its task is gone.

        Raises `QueueFull`, and `NoResult` where it needs a result and the task has none.
        """
        record = json.dumps({"status": Status.PENDING, "at": now})
        keys = [*self._keys_of(export.task_id), self._keys.of_exporters.queue]
        args: list[str | float] = [export.id, now, record, message, self._keep, MOST_WAITING, FAILED_KEEP, MAX_SILENCE]
        args.append(int(export.is_of_result))
        answer = cast(bytes | int | None, self._ask(keys=keys, args=args))
        if answer == UNREAD:
            raise NoResult
        if answer == 0:
            raise QueueFull("Too many exports wait to be made. Please try again later.")
        return ExportStatus.from_json(answer) if isinstance(answer, bytes) else None

    def look_up(self, export: ExportRequest) -> ExportStatus | None:
        """How it stands; None where it was not asked for, or its record is gone."""
        text = cast(bytes | None, self._redis.hget(self._keys.exports(export.task_id), export.id))
        return ExportStatus.from_json(text) if text else None

    def begin(self, export: ExportRequest, *, by: str, now: float) -> int:
        """Note that it is being made, in a try of this name: what earlier tries report is ignored from now on.

        Answers which try it is, from 1, or `MADE`, `GONE`, `UNREAD` (it needs a result).
        """
        args: list[str | float] = [export.id, now, self._keep, int(export.is_of_result), by]
        return cast(int, self._begin(keys=self._keys_of(export.task_id), args=args))

    def note_alive(self, export: ExportRequest, *, by: str, now: float) -> int:
        """Note that it is still being made. Answers `CHANGED`, `GONE`: nobody needs it any more, or `SUPERSEDED`."""
        return self._changed(export, by, {"at": now})

    def give_back(self, export: ExportRequest, *, tries: int, by: str, now: float) -> int:
        """Note that it waits again, after as many tries. Answers like `note_alive`."""
        return self._changed(export, by, {"status": Status.PENDING, "tries": tries, "by": "", "at": now})

    def complete(self, export: ExportRequest, size: int, *, by: str, now: float) -> int:
        """Note that its file lies in the store. Answers like `note_alive`."""
        return self._changed(export, by, {"status": Status.COMPLETED, "size": size, "at": now}, tell=True)

    def fail(self, export: ExportRequest, error: OcrError, *, by: str, now: float) -> int:
        """Note why it cannot be made. Answers like `note_alive`."""
        said = [type(error).__name__, error.message]
        return self._changed(export, by, {"status": Status.FAILED, "error": said, "at": now}, tell=True)

    def discard(self, export: ExportRequest) -> None:
        """Its file is not there: forget it, so that it is made again."""
        self._redis.hdel(self._keys.exports(export.task_id), export.id)

    def take_all(self, task_ids: Sequence[str]) -> list[tuple[str, str]]:
        """The exports of tasks that are forgotten: (task id, id of the export); their records are deleted. In one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for id in task_ids:
                pipe.hkeys(self._keys.exports(id))
                pipe.delete(self._keys.exports(id))
            found = cast(list[list[bytes]], pipe.execute()[::2])
        return [(task, id.decode()) for task, ids in zip(task_ids, found, strict=True) for id in ids]

    def exporters(self, *, now: float) -> int:
        """How many exporters are there. `now`: Unix seconds."""
        return self._redis.zcount(self._keys.of_exporters.workers, now, "+inf")

    def _keys_of(self, task_id: str) -> list[str]:
        return [self._keys.task(task_id), self._keys.exports(task_id)]

    def _changed(self, export: ExportRequest, by: str, fields: dict[str, object], *, tell: bool = False) -> int:
        keys = [*self._keys_of(export.task_id), self._keys.changes]
        return cast(int, self._change(keys=keys, args=[export.id, json.dumps(fields), int(tell), by]))
