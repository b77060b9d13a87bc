"""All child processes of a pool: started one by one, killed together. Thread-safe."""

import threading
from concurrent.futures import Future

from ocr_celery.decode.child_process import Child


class ChildSet:
    """Starts children until it is closed."""

    def __init__(self, address_space: int) -> None:
        """`address_space`: upper limit of each child in bytes."""
        self._address_space = address_space
        self._living: set[Child] = set()
        self._lock = threading.Lock()
        self._started: Future[None] = Future()
        self._closed = False

    def start(self) -> Child | None:
        """A new child for the calling thread; None once closed. Raises OSError."""
        with self._lock:
            if self._closed:
                return None
            child = Child(self._address_space)
            self._living.add(child)
        return child

    def report_start(self, error: Exception | None) -> None:
        """A child is ready, or could not be started. The first report decides `wait_started`."""
        with self._lock:
            if self._started.done():
                return
            if error is None:
                self._started.set_result(None)
            else:
                self._started.set_exception(error)

    def wait_started(self) -> None:
        """Wait until a child is ready. Raises OSError or `ChildDied` if the first could not be started."""
        self._started.result()

    def remove(self, child: Child) -> None:
        """Kill this child and forget it."""
        child.kill_and_wait()
        with self._lock:
            self._living.discard(child)

    def close(self) -> None:
        """Start no more children, and kill all."""
        with self._lock:
            self._closed = True
            living = list(self._living)
        for child in living:
            child.kill()

    def pids(self) -> list[int]:
        """The process ids of all children."""
        with self._lock:
            return [child.pid for child in self._living]
