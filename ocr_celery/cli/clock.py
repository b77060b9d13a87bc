"""The time that pauses and deadlines are measured by, in one object, so that tests need not live through them."""

import threading
import time


class Clock:
    """Time as it passes. Used from many threads."""

    def now(self) -> float:
        """Seconds since any one point."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait so many seconds, less where the event is set, and answer whether it is."""
        return event.wait(seconds)
