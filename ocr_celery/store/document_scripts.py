"""The Lua steps of a task's state and of documents: opened in one step, complete in the step that makes the last page final.

A document's open pages are a set: unlike a counter it cannot be counted down twice. For the rules see store/scripts.py.
"""

from ocr_celery.store.lanes import LANE_FUNCTIONS

_FINAL = """
local function is_final(state)
  return state == 'SUCCESS' or state == 'FAILURE' or state == 'REVOKED' or state == 'REJECTED' or state == 'IGNORED'
    or state == 'FORGOTTEN'
end
"""

#: Move a task to a state, store Celery's record of it and tell who waits for it. A final state stays: what comes later
#: (a page read again after its worker was thought dead) changes nothing. Creates the record of a task sent by a client
#: that knows nothing of the registry. A document that is being read leaves this state only for its end, which its assembly, a
#: cancellation or a sweep says: what else comes of it (its own message, twice) changes nothing.
#: The last page of a document that becomes final queues the document's assembly. What is left of a page of an open document
#: does not expire.
#: KEYS record, the four zsets pending processing completed failed, blob, meta (also the channel), the channel of changes; for a
#: page of a document then the document's: its record, its hash, its open pages, the queue; the last of all is its password.
#: ARGV id, now, state, index of its zset in KEYS, final (0/1), seconds to keep the record, meta or '',
#: seconds to keep the meta, source for a record that is new or '', of which document it is a page or '', which page,
#: whether it is the end of a document that is being read (0/1), then (field, value)… of the record.
#: Answers {when the task was created, strikes, solo strikes, cause of the last, state}, or nil where it was final, or of
#: which document it is a page, where it is to be final and that is not given: then it has to be called with these keys.
TRANSITION = (
    _FINAL
    + """
local known = redis.call('HMGET', KEYS[1], 'state', 'page_of')
local old, page_of, is_page = known[1], known[2], ARGV[10] ~= ''
if is_final(old) then return false end
if ARGV[5] == '1' and page_of and not is_page then return page_of end
redis.call('PERSIST', KEYS[1])
if old ~= 'EXPANDED' or ARGV[5] == '1' and ARGV[12] == '1' then
  if old ~= ARGV[3] then
    for i = 2, 5 do redis.call('ZREM', KEYS[i], ARGV[1]) end
  end
  redis.call('ZADD', KEYS[tonumber(ARGV[4])], ARGV[2], ARGV[1])
  local new = redis.call('HSETNX', KEYS[1], 'created_at', ARGV[2]) == 1
  redis.call('HSET', KEYS[1], 'updated_at', ARGV[2], 'state', ARGV[3])
  if new and ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'source', ARGV[9]) end
  if is_page and not page_of then redis.call('HSET', KEYS[1], 'page_of', ARGV[10]) end
  for i = 13, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  local stays = is_page and redis.call('HGET', KEYS[9], 'state') == 'EXPANDED'
  if ARGV[5] == '1' then
    redis.call('DEL', KEYS[6], KEYS[#KEYS])
    if not stays then redis.call('EXPIRE', KEYS[1], ARGV[6]) end
  end
  if ARGV[7] ~= '' then
    if stays then redis.call('SET', KEYS[7], ARGV[7]) else redis.call('SETEX', KEYS[7], ARGV[8], ARGV[7]) end
    redis.call('PUBLISH', KEYS[7], ARGV[7])
  end
  redis.pcall('PUBLISH', KEYS[8], ARGV[1])  -- who may not publish there: those who wait look anyway
  if stays and ARGV[5] == '1' and redis.call('SREM', KEYS[11], ARGV[11]) == 1 then
    redis.call('HSET', KEYS[9], 'updated_at', ARGV[2])
    redis.pcall('PUBLISH', KEYS[8], cjson.decode(ARGV[10])[1])
    local assembly = redis.call('HGET', KEYS[10], 'assembly')
    if assembly and redis.call('EXISTS', KEYS[11]) == 0 then redis.call('RPUSH', KEYS[12], assembly) end
  end
end
return redis.call('HMGET', KEYS[1], 'created_at', 'deaths', 'alone', 'killed', 'state')
"""
)

#: Open a document: record and queue its pages, together. Done once, however often it is asked.
#: KEYS the document's record, its hash, its open pages, the open documents, pending, processing, its file (a blob),
#: Celery's record of it (also the channel), the list that its pages wait in, the channel of changes, n records of pages, then
#: those of the lanes. ARGV id, now, is its file in Redis (0/1), Celery's record, seconds to keep that, its pages (as the record
#: names them), number of fields, n, the lanes' strides, (field, value)… of the hash, n × (id, number, of which document it is
#: a page, message).
#: Answers 1, or 0 where it was open already, -1 where it is final, -2 where its file is gone.
EXPAND = (
    LANE_FUNCTIONS
    + _FINAL
    + """
local state, now, n = redis.call('HGET', KEYS[1], 'state'), ARGV[2], tonumber(ARGV[8])
if is_final(state) then return -1 end
if state == 'EXPANDED' then
  redis.call('PERSIST', KEYS[7])  -- a second worker may have stored it again, to expire
  return 0
end
if ARGV[3] == '1' and redis.call('EXISTS', KEYS[7]) == 0 then return -2 end
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', KEYS[7])
redis.call('DEL', KEYS[2], KEYS[3])
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('ZADD', KEYS[6], now, ARGV[1])
redis.call('HSETNX', KEYS[1], 'created_at', now)
redis.call('HSET', KEYS[1], 'updated_at', now, 'state', 'EXPANDED', 'pages', ARGV[6])
redis.call('ZADD', KEYS[4], now, ARGV[1])
local at = 10 + 2 * tonumber(ARGV[7])
for i = 10, at - 1, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
local moment = math.floor(now * 1000000)  -- whole microseconds: no two pages share one
for i = 1, n do
  local record, id = KEYS[10 + i], ARGV[at]
  redis.call('DEL', record)
  redis.call('HSET', record, 'created_at', now, 'updated_at', now, 'state', 'PENDING', 'page_of', ARGV[at + 2])
  redis.call('ZADD', KEYS[5], string.format('%.6f', (moment + i - 1) / 1000000), id)
  redis.call('SADD', KEYS[3], ARGV[at + 1])
  redis.call('LPUSH', KEYS[9], ARGV[at + 3])
  at = at + 4
end
redis.call('SETEX', KEYS[8], ARGV[5], ARGV[4])
redis.call('PUBLISH', KEYS[8], ARGV[4])
redis.pcall('PUBLISH', KEYS[10], ARGV[1])
show_next(declared_lanes(ARGV[9]))
return 1
"""
)

#: A document is final: some of its pages expire from now on, and with the last of them it is settled. KEYS the document's
#: record, its hash, its open pages, the open documents, then n × (a page's record, Celery's record of it).
#: ARGV id, seconds to keep a record, seconds to keep Celery's, are these the last (0/1), seconds to keep the record of a page
#: that was cancelled, as its message may still wait.
#: Answers 0 where the document is not final, so that nothing was done, else 1.
SETTLE = """
if redis.call('HGET', KEYS[1], 'state') == 'EXPANDED' then return 0 end
redis.call('EXPIRE', KEYS[2], ARGV[2])
for i = 5, #KEYS, 2 do
  if redis.call('TTL', KEYS[i]) == -1 and redis.call('HGET', KEYS[i], 'page_of') then
    local state = redis.call('HGET', KEYS[i], 'state')
    if state == 'SUCCESS' or state == 'FAILURE' then redis.call('EXPIRE', KEYS[i], ARGV[2]) end
    if state == 'REVOKED' then redis.call('EXPIRE', KEYS[i], ARGV[5]) end
  end
  if redis.call('TTL', KEYS[i + 1]) == -1 then redis.call('EXPIRE', KEYS[i + 1], ARGV[3]) end
end
if ARGV[4] == '1' then
  redis.call('DEL', KEYS[3])
  redis.call('ZREM', KEYS[4], ARGV[1])
end
return 1
"""

#: The states of pages, all at one moment. KEYS their records. Answers their states in order, nil where there is none.
READ_STATES = """
local states = {}
for i = 1, #KEYS do states[i] = redis.pcall('HGET', KEYS[i], 'state') end
return states
"""

#: Note that an open document is being cancelled, before its pages are. KEYS the document's record, its hash. Answers 1, or 0
#: where it is not open.
MARK_CANCELLED = """
if redis.call('HGET', KEYS[1], 'state') ~= 'EXPANDED' then return 0 end
redis.call('PERSIST', KEYS[2])
redis.call('HSET', KEYS[2], 'cancelled', 1)
return 1
"""

#: Queue the assembly of a document again. KEYS the document's record, its hash, its open pages, the queue. Answers 1, or 0
#: where it needs none.
REQUEUE_ASSEMBLY = """
local message = redis.call('HGET', KEYS[2], 'assembly')
if redis.call('HGET', KEYS[1], 'state') ~= 'EXPANDED' or redis.call('EXISTS', KEYS[3]) == 1 or not message then return 0 end
redis.call('PERSIST', KEYS[4])  -- no queue expires: a first write that a full Redis allows
redis.call('RPUSH', KEYS[4], message)
return 1
"""
