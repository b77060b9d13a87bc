"""The Lua steps. Each is atomic: other clients see all of its changes or none.

Every key that a step uses is in its KEYS, as clusters and multi-threaded stores require. Where the keys depend on data in
Redis, the caller reads them first, and the step checks that they have not changed.

A Redis that is full (maxmemory) refuses a step whose first write needs memory, and allows a step whose first write needs
none. So the admission of new tasks is refused, while the steps of workers begin with a write that needs no memory:
workers can empty a full Redis. The steps of a task's states and of documents: store/document_scripts.py.
"""

from ocr_celery.core.status import FORGOTTEN
from ocr_celery.store.lanes import LANE_FUNCTIONS
from ocr_celery.store.records import FIELDS

#: Take tasks in: counted, recorded and queued, or refused – together. Taken in once, however often it is asked. The image of
#: the only task was stored a moment before, in the same round trip, to expire: from here on it stays.
#: A task whose URL is malformed is refused: it is final at once and does not count against the limit.
#: KEYS pending, processing, failed, n records of tasks, the image of the first if it has one, the batch if there is one,
#: Celery's record of each that is refused, then what is published to, then those of the lanes. ARGV now, limit (0 = none),
#: image? (0/1), n, seconds to keep the batch (0 = none), its value, seconds to keep what is refused: our record, Celery's;
#: the lanes' strides; n × (id, source or '', Celery's record where it is refused, else ''), then (command, index of its key
#: in KEYS, payload)… to publish. Answers {1, open} or {0, open}.
ADMIT = (
    LANE_FUNCTIONS
    + """
local now, limit, n = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local moment = math.floor(now * 1000000)  -- whole microseconds: no two pages of a batch share one
local image = ARGV[3] == '1' and KEYS[4 + n] or nil
local open = redis.call('ZCARD', KEYS[1]) + redis.call('ZCARD', KEYS[2])
if redis.call('EXISTS', KEYS[4]) == 1 then return {1, open} end
if limit > 0 and open >= limit then
  if image then redis.call('DEL', image) end
  return {0, open}
end
if image and redis.call('EXISTS', image) == 0 then return redis.error_reply('OOM the image could not be stored') end
local next = 3 + n + tonumber(ARGV[3])
if ARGV[5] ~= '0' then
  next = next + 1
  redis.call('SET', KEYS[next], ARGV[6], 'EX', ARGV[5])
end
for i = 1, n do
  local record, id, source, meta = KEYS[3 + i], ARGV[7 + 3 * i], ARGV[8 + 3 * i], ARGV[9 + 3 * i]
  redis.call('HSET', record, 'created_at', now, 'updated_at', now, 'state', meta == '' and 'PENDING' or 'FAILURE')
  if source ~= '' then redis.call('HSET', record, 'source', source) end
  if meta == '' then
    redis.call('ZADD', KEYS[1], string.format('%.6f', (moment + i - 1) / 1000000), id)
    open = open + 1
  else
    redis.call('ZADD', KEYS[3], now, id)
    redis.call('EXPIRE', record, ARGV[7])
    next = next + 1
    redis.call('SETEX', KEYS[next], ARGV[8], meta)
  end
end
if image then redis.call('PERSIST', image) end
for i = 10 + 3 * n, #ARGV, 3 do redis.call(ARGV[i], KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2]) end
show_next(declared_lanes(ARGV[9]))
return {1, open}
"""
)

#: Forget tasks: their counts, records, results, images, passwords and cached readings go; a tombstone stays, so that a message
#: that still waits, or a page that is still in an engine, does not revive them.
#: KEYS the four zsets, then record, meta, blob, password and cached reading (or the record again) of each task. ARGV seconds to
#: keep the tombstones, n × (id, which reading its record names or ''). Answers 1, or 0 where a record names another by now, and
#: has to be read again.
FORGET = """
for i = 2, #ARGV, 2 do
  local named = redis.pcall('HGET', KEYS[5 * i / 2], 'cached')
  if (type(named) == 'string' and named or '') ~= ARGV[i + 1] then return 0 end
end
for i = 2, #ARGV, 2 do
  local record = 5 * i / 2
  redis.call('DEL', KEYS[record], KEYS[record + 1], KEYS[record + 2], KEYS[record + 3], KEYS[record + 4])
  for zset = 1, 4 do redis.call('ZREM', KEYS[zset], ARGV[i]) end
  redis.call('HSET', KEYS[record], 'state', 'FORGOTTEN')
  redis.call('EXPIRE', KEYS[record], ARGV[1])
end
return 1
""".replace("FORGOTTEN", FORGOTTEN)

#: A node's worker or engine has ended: add strikes to the records of the pages that were marked. KEYS the node's marks, then
#: the records. ARGV the cause, then (id, mode, strikes, solo strikes)… in the order of their records. (DEL first: a first write
#: that takes memory is refused by a full Redis.) Returns 1, or 0 where the marks have changed and have to be read again.
STRIKE = """
local marked = #KEYS - 1
if redis.call('HLEN', KEYS[1]) ~= marked then return 0 end
for i = 1, marked do
  if redis.call('HGET', KEYS[1], ARGV[4 * i - 2]) ~= ARGV[4 * i - 1] then return 0 end
end
redis.call('DEL', KEYS[1])
for i = 1, marked do
  local record, strikes, solo = KEYS[1 + i], tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  if strikes > 0 and redis.call('EXISTS', record) == 1 then
    redis.call('HINCRBY', record, 'deaths', strikes)
    redis.call('HSET', record, 'killed', ARGV[1])
    if solo > 0 then redis.call('HINCRBY', record, 'alone', solo) end
  end
end
return 1
"""

#: The state of tasks, all at one moment. KEYS pending, n records, then Celery's n of the same tasks. ARGV n × id. Answers, per
#: task in order, the fields of its record, Celery's record, and its place among those that wait: each as it is, or the error if
#: its key has another type.
READ_RECORDS = """
local answer, n = {}, #ARGV
for i = 1, n do
  answer[i] = {
    redis.pcall('HMGET', KEYS[1 + i], FIELDS),
    redis.pcall('GET', KEYS[1 + n + i]),
    redis.pcall('ZRANK', KEYS[1], ARGV[i])
  }
end
return answer
""".replace("FIELDS", ", ".join(f"'{field}'" for field in FIELDS))

#: Requeue messages of a node. KEYS its unacknowledged hash, then queues. ARGV (delivery tag, index of its queue in KEYS,
#: message)… Each is requeued once, also if several processes try at the same time. Answers how many.
REQUEUE = """
local requeued = 0
for i = 1, #ARGV, 3 do
  if redis.call('HDEL', KEYS[1], ARGV[i]) == 1 then
    redis.call('RPUSH', KEYS[tonumber(ARGV[i + 1])], ARGV[i + 2])
    requeued = requeued + 1
  end
end
return requeued
"""

#: Acquire the lease on a node's name; if this worker is the sweeper, also return the names whose leases have ended. KEYS lease,
#: the nodes, the sweeper's lease. ARGV who, seconds of the lease, whose lease may be taken over or '', node, sweeper's seconds.
#: Answers the owner of the name, or {0}, or if this worker sweeps {1, Redis's time, {name, when its lease ended…}}.
RENEW_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return holder end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[4])
local sweeper = redis.call('GET', KEYS[3])
if sweeper and sweeper ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[5])
local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES', 'LIMIT', 0, 10000)
return {1, tostring(now), dead}
"""

#: Forget names that hold nothing. KEYS the nodes, then three keys of each name that may hold something. ARGV seconds since its
#: lease ended, names… Answers how many were forgotten.
FORGET_NODES = """
local count, before = 0, redis.call('TIME')[1] - ARGV[1]
for i = 2, #ARGV do
  local ended, at = redis.call('ZSCORE', KEYS[1], ARGV[i]), 3 * i - 4
  if ended and tonumber(ended) <= before and redis.call('EXISTS', KEYS[at], KEYS[at + 1], KEYS[at + 2]) == 0 then
    count = count + redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return count
"""

#: Forget a part of the tasks that finished long ago. KEYS a zset. ARGV until when, most. Answers how many were forgotten.
TRIM_FINISHED = """
local count = math.min(redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1]), tonumber(ARGV[2]))
if count > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, count - 1) end
return count
"""

#: Say that a worker is ready. KEYS the workers. ARGV node, until when.
ANNOUNCE_READY = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
"""

#: Pages are about to enter an engine, or are in it and run in another mode. KEYS the node's marks. ARGV mode, ids…
MARK = """
redis.call('PERSIST', KEYS[1])
for i = 2, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], ARGV[1]) end
"""

#: KEYS lease. ARGV who.
RELEASE_LEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
