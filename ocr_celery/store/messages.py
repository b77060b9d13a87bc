"""Messages between a queue and the node that works on them: taken, acknowledged, or put aside (malformed ones).

No step parses a message, so that none can fail half-way because of its content. The first write of each frees memory,
so that a full Redis allows the whole step, see store/scripts.py.
"""

import json
import time
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, cast
from uuid import uuid4

from redis import Redis

from ocr_celery.store.keys import Keys
from ocr_celery.store.lanes import LANE_FUNCTIONS, Lanes

MAX_KEPT = 1000  #: messages that were put aside
MAX_BYTES = 16 * 1024 * 1024  #: of them together; the oldest go first
KEEP = 7 * 86400  #: seconds after the last one
_LARGEST = 1024 * 1024  #: bytes of one; of a larger one only the beginning is kept
_BEGINNING = 64 * 1024

#: KEYS: the node's unacknowledged hash, the list of what was handed to it, then the queues in the order in which they are
#: served, then those of the lanes. ARGV: most messages to take, the beginning of their delivery tags, the strides.
#: A record is kombu's own, [message, "", queue]. Answers lanes whose keys are missing, then (delivery tag, queue, message)…
#: The lanes are served where the queue that they feed is.
TAKE = (
    LANE_FUNCTIONS
    + """
local most, lanes = tonumber(ARGV[1]), declared_lanes(ARGV[3])
local taken, count, unknown = {{}}, 0, {}

local function next_of(list)
  if list ~= lanes.queue or redis.call('LLEN', list) == 1 then return redis.call('RPOP', list) end
  join(lanes, list)
  return next_message(lanes)
end

local function take_all(list, queue)
  while count < most do
    local message = next_of(list)
    if not message then return end
    local tag = string.format('%s%05d', ARGV[2], count)
    redis.call('HSET', KEYS[1], tag, '[' .. message .. ',"",' .. cjson.encode(queue) .. ']')
    taken[3 * count + 2], taken[3 * count + 3], taken[3 * count + 4] = tag, queue, message
    count = count + 1
  end
end

take_all(KEYS[2], lanes.queue)
for i = 3, lanes.first - 2 do
  if KEYS[i] == lanes.queue then join_all(lanes) end
  take_all(KEYS[i], KEYS[i])
  if KEYS[i] == lanes.queue then show_next(lanes) end
end
for list in pairs(lanes.unknown) do unknown[#unknown + 1] = list end
taken[1] = unknown
return taken
"""
)

#: Requeue what was handed to a node, the newest first, so that the oldest is served first again. KEYS: its list, the queue.
#: (LMOVE is refused by a full Redis.)
RETURN_HANDED = """
local message = redis.call('LPOP', KEYS[1])
while message do
  redis.call('RPUSH', KEYS[2], message)
  message = redis.call('LPOP', KEYS[1])
end
"""

#: Acknowledge messages, except those whose task is not final in this Redis: its result may have been stored in another
#: Redis, before a failover. A document that is being read needs its message no more, unless that is its assembly. KEYS: the
#: hash, then per message its task's record, or the hash again where there is none to ask. ARGV: n × (delivery tag,
#: assembly? 0/1). Answers those that are still held.
ACKNOWLEDGE = """
local open = {}
for i = 1, #ARGV / 2 do
  local tag, state = ARGV[2 * i - 1], redis.pcall('HGET', KEYS[1 + i], 'state')
  local is_open = state == 'PENDING' or state == 'RECEIVED' or state == 'STARTED'
  if KEYS[1 + i] ~= KEYS[1] and (is_open or state == 'EXPANDED' and ARGV[2 * i] == '1') then
    open[#open + 1] = tag
  else
    redis.call('HDEL', KEYS[1], tag)
  end
end
return open
"""

#: Take a message out of the hash and keep it for inspection. KEYS: the hash, the list of those, their sizes.
#: ARGV: delivery tag, when and why as the beginning of a JSON object, most messages, most bytes, seconds to keep them,
#: bytes of one that is kept whole, bytes kept of a larger one. Answers 1, or 0 where it was not held any more.
PUT_ASIDE = """
local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
local whole = #record <= tonumber(ARGV[6])
local entry = ARGV[2] .. ',"bytes":' .. #record .. ',"record":'
entry = entry .. cjson.encode(whole and record or string.sub(record, 1, tonumber(ARGV[7]))) .. '}'
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('DEL', KEYS[3]) end
redis.call('LPUSH', KEYS[2], entry)
redis.call('HINCRBY', KEYS[3], 'count', 1)
local bytes = redis.call('HINCRBY', KEYS[3], 'bytes', #entry)
while redis.call('LLEN', KEYS[2]) > tonumber(ARGV[3]) or bytes > tonumber(ARGV[4]) do
  bytes = redis.call('HINCRBY', KEYS[3], 'bytes', -#redis.call('RPOP', KEYS[2]))
end
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('EXPIRE', KEYS[3], ARGV[5])
return 1
"""


class Taken(NamedTuple):
    """One message that a node has taken."""

    tag: str  #: its field in the node's hash, and its delivery tag
    queue: str  #: the list that it came from
    text: bytes


def take(redis: Redis, unacked: str, handed: str, lanes: Lanes, queues: Sequence[str], *, most: int) -> list[Taken]:
    """Take up to so many messages, in the order in which the queues are given. `handed`: the list that `lanes.queue` feeds.

    Delivery tags sort in the order in which messages were taken.
    """
    taken: list[Taken] = []
    while len(taken) < most:
        unknown, more = _take(redis, [unacked, handed, *queues, *lanes.keys], lanes.strides, most - len(taken))
        taken += more
        if not unknown:
            break
        lanes.learn(unknown)  # of a later version; from now on their keys are declared
    return taken


def _take(redis: Redis, names: Sequence[str], strides: str, most: int) -> tuple[list[str], list[Taken]]:
    begin = f"{time.time_ns():020d}-{uuid4().hex}-"
    unknown, *flat = cast(list[Any], redis.eval(TAKE, len(names), *names, most, begin, strides))
    taken = [Taken(_text(t), _text(q), m) for t, q, m in zip(flat[::3], flat[1::3], flat[2::3], strict=True)]
    return list(map(_text, unknown)), taken


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def acknowledge(
    redis: Redis, unacked: str, done: Sequence[tuple[str, str]], *, assemblies: Collection[str] = ()
) -> list[str]:
    """Acknowledge these (delivery tag, record of the task or ""). Returns the tags whose task is not done in this Redis.

    `assemblies`: the tags of messages that are to end a document.
    """
    records = [record or unacked for _, record in done]
    step = redis.register_script(ACKNOWLEDGE)
    open_tags = step(keys=[unacked, *records], args=[x for tag, _ in done for x in (tag, int(tag in assemblies))])
    return [_text(tag) for tag in cast(list[Any], open_tags)]


def put_aside(redis: Redis, keys: Keys, unacked: str, tag: Any, *, why: str) -> bool:
    """Move a malformed message to `Keys.put_aside` and acknowledge it. Whether the node still had it."""
    head = json.dumps({"at": round(time.time(), 3), "why": why[:200]})[:-1]
    bounds = (MAX_KEPT, MAX_BYTES, KEEP, _LARGEST, _BEGINNING)
    step = redis.register_script(PUT_ASIDE)
    return bool(step(keys=[unacked, keys.put_aside, keys.put_aside_sizes], args=[tag, head, *bounds]))
