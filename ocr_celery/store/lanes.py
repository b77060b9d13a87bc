"""Fair lanes in front of the one queue: its list shows workers the next message, and all else waits in a lane.

Senders push into a lane; the step that does so and the step that takes serve the lanes by their weights
(core/lane_weights.py). Whatever empties the list, the next step shows a message again. Programs that push into the list
themselves, as Celery does, go on doing so: a list with more than one message takes its turn like a lane.
"""

from collections.abc import Iterable
from typing import cast

from redis import Redis

from ocr_celery.core import lane_weights
from ocr_celery.store.keys import Keys

#: Functions for steps that push into a lane or take. The last KEYS of such a step are `Lanes.keys`, and one of its ARGV is
#: `Lanes.strides`. A step that pushes ends with ``show_next(declared_lanes(strides))``. None of its writes may be a step's
#: first, as it needs memory.
LANE_FUNCTIONS = """
local function declared_lanes(strides)
  local found = {stride = {}, unknown = {}}
  local at = #KEYS
  for stride in string.gmatch(strides, '%d+') do
    found.stride[KEYS[at]] = tonumber(stride)
    at = at - 1
  end
  found.first, found.queue, found.passes = at + 1, KEYS[at + 1], KEYS[at]
  return found
end

-- A list that has messages takes its turn from now on: it has earned nothing while it was empty. A hair's breadth before
-- the least, those of greater weight first.
local function join(lanes, list)
  if redis.call('EXISTS', list) == 1 and not redis.call('ZSCORE', lanes.passes, list) then
    local least = redis.call('ZRANGE', lanes.passes, 0, 0, 'WITHSCORES')[2] or 0
    redis.call('ZADD', lanes.passes, string.format('%.17g', least - 1 / lanes.stride[list]), list)
  end
end

-- The next message, and nil where none waits. An empty lane keeps its pass until it is the least.
local function next_message(lanes)
  local at = 0
  while true do
    local list = redis.call('ZRANGE', lanes.passes, at, at)[1]
    if not list then return nil end
    local stride = lanes.stride[list]
    local message = stride and redis.call('RPOP', list)
    if message then
      redis.call('ZINCRBY', lanes.passes, stride, list)
      return message
    elseif stride then
      redis.call('ZREM', lanes.passes, list)
    else
      lanes.unknown[list] = true
      at = at + 1
    end
  end
end

local function join_all(lanes)
  for i = lanes.first + 1, #KEYS do join(lanes, KEYS[i]) end
end

local function show_next(lanes)
  if redis.call('EXISTS', lanes.queue) == 1 then return end
  join_all(lanes)
  local message = next_message(lanes)
  if message then redis.call('LPUSH', lanes.queue, message) end
end
"""


class Lanes:
    """The queue of a service and its lanes, as far as this process knows them: it learns of others from what a step meets."""

    def __init__(self, keys: Keys) -> None:
        self.queue = keys.queue
        self._prefix = keys.lane("")
        self._passes = keys.lanes
        self._known = [keys.lane(lane_weights.SINGLE), keys.lane(lane_weights.BULK)]

    @property
    def waiting(self) -> list[str]:
        """The lists of the lanes."""
        return list(self._known)

    @property
    def keys(self) -> list[str]:
        """The last KEYS of a step that uses `LANE_FUNCTIONS`."""
        return [self._passes, self.queue, *self._known]

    def learn(self, lists: Iterable[str]) -> None:
        """Remember further lanes, by their lists."""
        self._known += [name for name in lists if name not in self._known and name != self.queue]

    @property
    def strides(self) -> str:
        """Those of the queue and its lanes, from the last to the first."""
        names = ["", *(key.removeprefix(self._prefix) for key in self._known)]
        return " ".join(str(lane_weights.stride(name)) for name in reversed(names))


def read_lanes(redis: Redis, keys: Keys) -> list[str]:
    """The lists of all lanes of a service that may have messages."""
    lanes = Lanes(keys)
    lanes.learn(key.decode() for key in cast(list[bytes], redis.zrange(keys.lanes, 0, -1)))
    return lanes.waiting
