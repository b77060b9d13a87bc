"""A worker's place in the world: it holds its node name, says that it is ready, and cares for what dead nodes left.

What a node has taken and not acknowledged lies in Redis under the node's name. So that no two live processes share a name,
each holds a lease on it, renewed every RENEW seconds. A node that starts takes its name over from a dead process of the
same machine at once, from any other when its lease has run out, and gives back what its predecessor held. One live node,
the sweeper, also gives back what lies under names whose lease is gone: of nodes that never return.
"""

import json
import logging
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from ocr_celery.consumer.shutdown import NAME_LOST, end_worker
from ocr_celery.store import node_names, scripts
from ocr_celery.store.keys import Keys
from ocr_celery.store.redis_errors import explain
from ocr_celery.store.transient_errors import is_transient
from ocr_celery.store.unacked import requeue, return_handed, take_over

log = logging.getLogger(__name__)

LEASE = 8  #: seconds a lease lasts
RENEW = 2.0  #: seconds between renewals, words of readiness and looks at other nodes
SWEEPER = 6  #: seconds after which another worker sweeps in place of one that is not heard of
FORGET = 600  #: seconds after which the name of a dead node that holds nothing is forgotten


class Presence:
    """The lease of one node name, and a thread that keeps it."""

    def __init__(self, redis: Redis, keys: Keys, node: str) -> None:
        self.redis = redis
        self.keys = keys
        self.node = node
        self.me = json.dumps({"machine": _machine(), "pid": os.getpid(), "run": uuid4().hex})
        self.is_ready: Callable[[], bool] = lambda: False
        self._hold = redis.register_script(scripts.RENEW_LEASE)
        self._say_ready = redis.register_script(scripts.ANNOUNCE_READY)
        self._let_go = redis.register_script(scripts.RELEASE_LEASE)
        self.is_sweeper = False  #: whether this worker is the one that looks after what is left behind
        self._dead: dict[str, float] = {}  # name → when its lease ended, by Redis's clock; only the sweeper is told
        self._redis_time = 0.0
        self._missing: dict[str, float] = {}  # name → since when its lease is seen to be gone
        self._stopped = False
        self._look = threading.Event()  # set: there is something to say or do before the next round

    def begin(self) -> None:
        """Take the name, waiting for it if need be, give back what the last holder left, and keep it from now on.

        Waits for Redis. Ends the process with a clear line when a live process holds the name. Raises what does not pass.
        """
        self._take_name()
        given = self._take_over_own()
        if given:
            log.warning("%d unfinished pages of this node's last run are back in the queue", given)
        threading.Thread(target=self._keep, name="presence", daemon=True).start()

    def end(self) -> None:
        """Give back what is still held and release the name, in an orderly exit. Nothing, where another holds the name."""
        self._stopped = True
        with suppress(RedisError):
            if self.redis.get(self.keys.lease(self.node)) not in (None, self.me.encode()):
                return
            return_handed(self.redis, self.keys, self.node)
            requeue(self.redis, self.keys, self.node)
            self.redis.zrem(self.keys.workers, self.node)
            self._let_go(keys=[self.keys.lease(self.node)], args=[self.me])
            self._let_go(keys=[self.keys.sweep], args=[self.me])

    def _take_over_own(self) -> int:
        while True:
            try:
                return take_over(self.redis, self.keys, self.node)
            except RedisError as exc:
                if not is_transient(exc):
                    raise
                log.warning("waiting for Redis: %s", explain(exc))
                time.sleep(RENEW)

    def _take_name(self) -> None:
        end, told = time.monotonic() + LEASE + RENEW, False
        while True:
            try:
                holder = self._claim("")
                if holder is not None and _is_dead(holder):
                    holder = self._claim(holder)
            except RedisError as exc:
                if not is_transient(exc):
                    raise
                log.warning("waiting for Redis: %s", explain(exc))
                time.sleep(RENEW)
                end = time.monotonic() + LEASE + RENEW
                continue
            if holder is None:
                return
            if time.monotonic() > end:
                sys.exit(
                    f"ocr-celery: another live worker is called {self.node}; give this one a name of its own, "
                    "as in: celery -A ocr_celery worker -n ocr2@%h"
                )
            if not told:
                log.warning("the name %s is held by %s; waiting for it to end", self.node, shown(holder))
                told = True
            time.sleep(0.5)

    def _claim(self, from_whom: str) -> str | None:
        """None when the name is ours, else its holder."""
        known: list[str | int] = [self.me, LEASE, from_whom, self.node, SWEEPER]
        answer = self._hold(keys=[self.keys.lease(self.node), self.keys.nodes, self.keys.sweep], args=known)
        if isinstance(answer, bytes):
            self.is_sweeper = False
            return answer.decode()
        is_sweeper, *told = cast(list[Any], answer)
        self.is_sweeper = bool(is_sweeper)
        now, dead = told or (b"0", [])
        self._redis_time = float(now)
        self._dead = {name.decode(): float(ended) for name, ended in zip(dead[::2], dead[1::2], strict=True)}
        return None

    def look_now(self) -> None:
        """Readiness may have changed: say so at once, not in the next round."""
        self._look.set()

    def _keep(self) -> None:
        while True:
            self._look.wait(RENEW)
            self._look.clear()
            if self._stopped:
                return
            try:
                if not self._keeps_name():
                    end_worker(NAME_LOST)
                    return
                self._say_whether_ready()
                self._care_for_the_dead()
            except RedisError as exc:
                log.warning("presence: %s", explain(exc))
                self._missing.clear()  # while Redis was away every lease ran out
                self.is_sweeper = False
            except Exception:
                log.exception("presence")

    def _keeps_name(self) -> bool:
        """Renew the lease. Raises where Redis is away, as the lease may be renewed when it is back."""
        try:
            holder = self._claim("")
        except Exception as exc:
            if is_transient(exc):
                raise
            log.error("the name %s cannot be kept (%r); this worker ends", self.node, exc)
            return False
        if holder is not None:
            log.error("the name %s was taken over by %s; this worker ends", self.node, shown(holder))
        return holder is None

    def _say_whether_ready(self) -> None:
        if self.is_ready():
            self._say_ready(keys=[self.keys.workers], args=[self.node, time.time() + LEASE])
        else:
            self.redis.zrem(self.keys.workers, self.node)

    def _care_for_the_dead(self) -> None:
        """Give back what they hold, and forget them: a few commands, however many there are."""
        now = time.monotonic()
        self._missing = {name: self._missing.get(name, now) for name in self._dead}
        # seen once is not dead: a lease may only just have been lost with Redis itself
        dead = [name for name, since in self._missing.items() if now - since >= RENEW]
        for name in node_names.names_with_messages(self.redis, self.keys, dead):
            given = self._take_over(name)
            if given:
                log.warning("%d pages that %s held are back in the queue: it has not been heard of", given, name)
        old = [name for name in dead if self._redis_time - self._dead[name] > FORGET]
        if old:
            node_names.forget_names(self.redis, self.keys, old, seconds=FORGET)

    def _take_over(self, node: str) -> int:
        """Give back what a dead node held. One that cannot be seen to keeps nobody from the others."""
        try:
            return take_over(self.redis, self.keys, node)
        except Exception as exc:
            if is_transient(exc):
                raise
            log.error("what %s held cannot be given back: %r", node, exc)
            return 0


def shown(holder: str) -> str:
    """The holder of a name, as the log says it."""
    try:
        who = json.loads(holder)
        return f"process {int(who['pid'])} of {str(who['machine']).split()[0]}"
    except (ValueError, LookupError, TypeError):
        return "an unknown process"


def _machine() -> str:
    """Processes that see the same process ids share it."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid") + Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{platform.node()} {space}".strip()


def _is_dead(holder: str) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    who = json.loads(holder)
    if who["machine"] != _machine():
        return False
    try:
        os.kill(who["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(who["pid"] == os.getpid())  # our own id, from before a restart of the container
