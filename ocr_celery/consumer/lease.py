"""Worker lease: owns the node name, publishes readiness, and requeues the messages of dead workers.

What a node has taken and not acknowledged lies in Redis under the node's name. So that no two live processes share a name,
each holds a lease on it, renewed every HEARTBEAT seconds. A node that starts takes its name over from a dead process of the
same machine at once, from any other when its lease has expired, and requeues the messages of its predecessor. One live node,
the sweeper, also requeues the messages of nodes whose lease has expired and that never return.
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

from ocr_celery.consumer.shutdown import EXIT_LEASE_LOST, shut_down
from ocr_celery.store import node_names, scripts
from ocr_celery.store.keys import Keys
from ocr_celery.store.redis_errors import explain
from ocr_celery.store.transient_errors import is_transient
from ocr_celery.store.unacked import requeue, return_handed, take_over

log = logging.getLogger(__name__)

LEASE_SECONDS = 8  #: seconds a lease lasts
HEARTBEAT = 2.0  #: seconds between renewals of the lease and of readiness
SWEEPER_SECONDS = 6  #: seconds after which another worker replaces a sweeper that is silent
FORGET_AFTER = 600  #: seconds after which the name of a dead node that holds nothing is forgotten


class NodeLease:
    """The lease of one node name, and a thread that keeps it."""

    def __init__(self, redis: Redis, keys: Keys, node: str) -> None:
        self.redis = redis
        self.keys = keys
        self.node = node
        self.me = json.dumps({"machine": _machine(), "pid": os.getpid(), "run": uuid4().hex})
        self.is_ready: Callable[[], bool] = lambda: False
        self._acquire_script = redis.register_script(scripts.RENEW_LEASE)
        self._ready_script = redis.register_script(scripts.ANNOUNCE_READY)
        self._release_script = redis.register_script(scripts.RELEASE_LEASE)
        self.is_sweeper = False  #: whether this worker is the one that looks after what is left behind
        self._expired: dict[str, float] = {}  # name → when its lease ended, by Redis's clock; empty but in the sweeper
        self._redis_time = 0.0
        self._expired_since: dict[str, float] = {}  # name → since when its lease is seen to be gone
        self._stopped = False
        self._wake = threading.Event()  # set: there is something to say or do before the next round

    def begin(self) -> None:
        """Take the name, waiting for it if need be, requeue what the last holder left, and keep it from now on.

        Waits for Redis. Ends the process with a clear line when a live process holds the name. Raises the errors of Redis
        that do not pass by themselves.
        """
        self._acquire()
        requeued = self._take_over_own()
        if requeued:
            log.warning("requeued %d unfinished pages of this node's last run", requeued)
        threading.Thread(target=self._run, name="lease", daemon=True).start()

    def end(self) -> None:
        """Requeue what is unacknowledged and release the lease, in an orderly exit. Does nothing where another has the lease."""
        self._stopped = True
        with suppress(RedisError):
            if self.redis.get(self.keys.lease(self.node)) not in (None, self.me.encode()):
                return
            return_handed(self.redis, self.keys, self.node)
            requeue(self.redis, self.keys, self.node)
            self.redis.zrem(self.keys.workers, self.node)
            self._release_script(keys=[self.keys.lease(self.node)], args=[self.me])
            self._release_script(keys=[self.keys.sweep], args=[self.me])

    def _take_over_own(self) -> int:
        while True:
            try:
                return take_over(self.redis, self.keys, self.node)
            except RedisError as exc:
                if not is_transient(exc):
                    raise
                log.warning("waiting for Redis: %s", explain(exc))
                time.sleep(HEARTBEAT)

    def _acquire(self) -> None:
        end, told = time.monotonic() + LEASE_SECONDS + HEARTBEAT, False
        while True:
            try:
                holder = self._try_acquire("")
                if holder is not None and _is_dead(holder):
                    holder = self._try_acquire(holder)
            except RedisError as exc:
                if not is_transient(exc):
                    raise
                log.warning("waiting for Redis: %s", explain(exc))
                time.sleep(HEARTBEAT)
                end = time.monotonic() + LEASE_SECONDS + HEARTBEAT
                continue
            if holder is None:
                return
            if time.monotonic() > end:
                sys.exit(
                    f"ocr-celery: another live worker is called {self.node}; give this one another name, "
                    "as in: celery -A ocr_celery worker -n ocr2@%h"
                )
            if not told:
                log.warning("waiting for the name %s: its lease belongs to %s", self.node, describe_holder(holder))
                told = True
            time.sleep(0.5)

    def _try_acquire(self, from_whom: str) -> str | None:
        """None when this process has the lease, else its holder."""
        known: list[str | int] = [self.me, LEASE_SECONDS, from_whom, self.node, SWEEPER_SECONDS]
        answer = self._acquire_script(keys=[self.keys.lease(self.node), self.keys.nodes, self.keys.sweep], args=known)
        if isinstance(answer, bytes):
            self.is_sweeper = False
            return answer.decode()
        is_sweeper, *told = cast(list[Any], answer)
        self.is_sweeper = bool(is_sweeper)
        now, dead = told or (b"0", [])
        self._redis_time = float(now)
        self._expired = {name.decode(): float(ended) for name, ended in zip(dead[::2], dead[1::2], strict=True)}
        return None

    def refresh_now(self) -> None:
        """Publish readiness at once, not at the next heartbeat."""
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait(HEARTBEAT)
            self._wake.clear()
            if self._stopped:
                return
            try:
                if not self._renew():
                    shut_down(EXIT_LEASE_LOST)
                    return
                self._publish_readiness()
                self._requeue_orphans()
            except RedisError as exc:
                log.warning("lease thread: Redis unavailable, it tries again: %s", explain(exc))
                self._expired_since.clear()  # while Redis was away every lease ran out
                self.is_sweeper = False
            except Exception:
                log.exception("unexpected error: lease thread")

    def _renew(self) -> bool:
        """Renew the lease. Raises where Redis is away, as the lease may be renewed when it is back."""
        try:
            holder = self._try_acquire("")
        except Exception as exc:
            if is_transient(exc):
                raise
            log.error("lease lost: %s cannot be renewed, %r; exiting", self.node, exc)
            return False
        if holder is not None:
            log.error("lease lost: %s was taken over by %s; exiting", self.node, describe_holder(holder))
        return holder is None

    def _publish_readiness(self) -> None:
        if self.is_ready():
            self._ready_script(keys=[self.keys.workers], args=[self.node, time.time() + LEASE_SECONDS])
        else:
            self.redis.zrem(self.keys.workers, self.node)

    def _requeue_orphans(self) -> None:
        """Requeue the messages of dead nodes, and forget their names: a few commands, however many there are."""
        now = time.monotonic()
        self._expired_since = {name: self._expired_since.get(name, now) for name in self._expired}
        # seen once is not dead: a lease may only just have been lost with Redis itself
        dead = [name for name, since in self._expired_since.items() if now - since >= HEARTBEAT]
        for name in node_names.names_with_messages(self.redis, self.keys, dead):
            requeued = self._take_over(name)
            if requeued:
                log.warning("requeued %d messages of worker %s: its lease expired", requeued, name)
        old = [name for name in dead if self._redis_time - self._expired[name] > FORGET_AFTER]
        if old:
            node_names.forget_names(self.redis, self.keys, old, seconds=FORGET_AFTER)

    def _take_over(self, node: str) -> int:
        """Requeue the messages of a dead node. One whose records cannot be read does not keep the rest from it."""
        try:
            return take_over(self.redis, self.keys, node)
        except Exception as exc:
            if is_transient(exc):
                raise
            log.error("could not requeue messages of worker %s: %r", node, exc)
            return 0


def describe_holder(holder: str) -> str:
    """The holder of a lease, for the log."""
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
    """Whether the holder was a process of this machine and has ended."""
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
