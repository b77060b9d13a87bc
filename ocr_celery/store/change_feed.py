"""Wakes the threads of a process that wait for tasks: one subscription to the channel on which every change is published.

A message may be lost whenever the connection breaks. So a thread that waits registers first and looks second, looks again every
few seconds, and is woken after each new subscription: a wake-up only says when to look.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from weakref import WeakSet

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from ocr_celery.store.redis_errors import explain

log = logging.getLogger(__name__)

LOOK_INTERVAL = 5.0  #: seconds after which a waiting thread looks in any case, while the subscription stands
_POLL_INTERVALS = (0.05, 1.0)  #: seconds between two looks without a subscription: the first, and the longest
_CHECK_INTERVAL = 1.0  #: seconds between two checks whether to go on waiting
_LISTEN_INTERVAL = 5.0  #: seconds of silence after which the connection is checked
_RETRY_INTERVAL = 0.5  #: seconds between two attempts to subscribe
_IDLE_INTERVAL = 10.0  #: seconds between two checks whether no thread waits, so that the thread may end

_feeds: "WeakSet[ChangeFeed]" = WeakSet()


class Watch:
    """What one thread waits for: changes of a few tasks."""

    def __init__(self, feed: "ChangeFeed", ids: Iterable[str]) -> None:
        self.ids = frozenset(ids)
        self._feed = feed
        self._woken = threading.Event()
        self._changed: set[str] = set()
        self._all = False
        self._poll_interval = _POLL_INTERVALS[0]

    def wake(self, id: str | None = None) -> None:
        """Note that this task has changed, or that any may have. Any thread."""
        with self._feed.lock:
            if id is None:
                self._all = True
            else:
                self._changed.add(id)
        self._woken.set()

    def take_changed(self) -> frozenset[str] | None:
        """The tasks that have changed since this was asked last; None: any may have."""
        with self._feed.lock:
            changed = None if self._all else frozenset(self._changed)
            self._all = False
            self._changed.clear()
        return changed

    def pause(self, deadline: float, go_on: Callable[[], bool] = lambda: True) -> bool:
        """Wait until it is time to look again; False once it is over.

        `deadline`: of `time.monotonic`. `go_on`: asked once a second whether to wait any longer.
        """
        look_at = time.monotonic() + self._interval()
        while go_on() and (now := time.monotonic()) < deadline:
            if now >= look_at:
                self.wake()
            if self._woken.wait(min(look_at, deadline, now + _CHECK_INTERVAL) - now):
                self._woken.clear()
                return True
        return False

    def _interval(self) -> float:
        if self._feed.is_listening:
            return LOOK_INTERVAL
        interval = self._poll_interval
        self._poll_interval = min(1.3 * interval, _POLL_INTERVALS[1])
        return interval


class ChangeFeed:
    """The subscription of one process. Its daemon thread runs only while somebody waits, and for a few seconds more.

    `redis`: the client to subscribe with, called in that thread. `channel`: where the ids of tasks are published that change.
    """

    def __init__(self, redis: Callable[[], Redis], channel: str) -> None:
        self._redis = redis
        self._channel = channel
        self.forget_threads()
        _feeds.add(self)

    def forget_threads(self) -> None:
        """Start from an empty state, as in a process that has just been forked: none of the threads exist there."""
        self.lock = threading.Lock()
        self.is_listening = False
        self._watches: dict[str, set[Watch]] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watch(self, ids: Iterable[str]) -> Iterator[Watch]:
        """Register for the changes of these tasks; look at them inside, after this."""
        watch = Watch(self, ids)
        with self.lock:
            for id in watch.ids:
                self._watches.setdefault(id, set()).add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="change-feed", daemon=True)
                self._thread.start()
        try:
            yield watch
        finally:
            with self.lock:
                for id in watch.ids:
                    self._watches[id].discard(watch)
                    if not self._watches[id]:
                        del self._watches[id]

    def wake_all(self) -> None:
        """Have everybody look again."""
        with self.lock:
            watches = {watch for of_id in self._watches.values() for watch in of_id}
        for watch in watches:
            watch.wake()

    def _wake(self, id: str) -> None:
        with self.lock:
            watches = list(self._watches.get(id, ()))
        for watch in watches:
            watch.wake(id)

    def _run(self) -> None:
        while not self._may_end():
            try:
                self._listen()
                return
            except (
                Exception
            ) as exc:  # Redis is away, or refuses, or another thread closed the connection; all look meanwhile
                log.debug("cannot listen for changes: %s", explain(exc))
            self.is_listening = False
            self.wake_all()
            time.sleep(_RETRY_INTERVAL)

    def _may_end(self) -> bool:
        """Whether no thread waits; this one then ends, and the next that waits starts another."""
        with self.lock:
            if self._watches:
                return False
            self.is_listening = False
            self._thread = None
            return True

    def _listen(self) -> None:
        """Subscribe and pass on what comes; returns when no thread waits any more. Raises `RedisError`."""
        with self._redis().pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(self._channel)
            asked, check_at = False, time.monotonic() + _IDLE_INTERVAL
            while True:
                if time.monotonic() >= check_at:
                    if self._may_end():
                        return
                    check_at = time.monotonic() + _IDLE_INTERVAL
                message = subscription.get_message(timeout=_LISTEN_INTERVAL)
                if message is not None:
                    self._pass_on(message)
                elif asked:
                    raise RedisConnectionError("the subscription is not answered")
                else:
                    subscription.ping()
                asked = message is None

    def _pass_on(self, message: dict[str, object]) -> None:
        if message["type"] == "subscribe":  # also after redis-py has reconnected by itself
            self.is_listening = True
            self.wake_all()
        elif isinstance(data := message["data"], bytes) and message["type"] == "message":
            self._wake(data.decode(errors="replace"))


def _forget_threads() -> None:
    for feed in _feeds:
        feed.forget_threads()


os.register_at_fork(after_in_child=_forget_threads)
