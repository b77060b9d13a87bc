"""All children of a pool: started for the threads that ask for them, and killed together. Callable from many threads."""

import threading
from concurrent.futures import Future

from ocr_celery.decode.child_process import Child


class ChildRegistry:
    """See the module."""

    def __init__(self, address_space: int) -> None:
        """`address_space`: bytes that each may ever have."""
        self._address_space = address_space
        self._living: set[Child] = set()
        self._lock = threading.Lock()
        self._started: Future[None] = Future()
        self._closed = False

    def start(self) -> Child | None:
        """A new one, which is the calling thread's; None where none is wanted any more. Raises OSError."""
        with self._lock:
            if self._closed:
                return None
            child = Child(self._address_space)
            self._living.add(child)
        return child

    def report_start(self, error: Exception | None) -> None:
        """One is ready, or could not be started."""
        with self._lock:
            if self._started.done():
                return
            if error is None:
                self._started.set_result(None)
            else:
                self._started.set_exception(error)

    def wait_started(self) -> None:
        """Wait until one is ready. Raises OSError or `ChildDied` where the first could not be started."""
        self._started.result()

    def remove(self, child: Child) -> None:
        """It is of no more use."""
        child.kill_and_wait()
        with self._lock:
            self._living.discard(child)

    def close(self) -> None:
        """Start no more, and kill all."""
        with self._lock:
            self._closed = True
            living = list(self._living)
        for child in living:
            child.kill()

    def pids(self) -> list[int]:
        """The process ids of those that live."""
        with self._lock:
            return [child.pid for child in self._living]
