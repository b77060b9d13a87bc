"""A few daemon threads that work off a queue. (The exit of the process would wait for a ThreadPoolExecutor's.)"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

log = logging.getLogger(__name__)


class Threads:
    """`count` threads named `name` that call what is submitted, oldest first."""

    def __init__(self, name: str, count: int) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        for i in range(count):
            threading.Thread(target=self._work, name=f"{name}-{i}", daemon=True).start()

    def submit(self, call: Callable[..., Any], *args: Any) -> None:
        """Have a thread call this. It must not raise; an exception is logged."""
        self._calls.put((call, args))

    def _work(self) -> None:
        while True:
            call, args = self._calls.get()
            try:
                call(*args)
            except BaseException:
                log.exception("unexpected error: thread %s", threading.current_thread().name)
            del call, args  # keep no page in memory until the next one comes
