"""When an engine that holds pages counts as hung: it has made no step for too long."""


class Watchdog:
    """Counts looks instead of seconds: while this process itself stands still, nothing can be said of the engine."""

    def __init__(self, max_idle_polls: int) -> None:
        self.max_idle_polls = max_idle_polls  #: looks without a step
        self._last_steps = -1
        self._idle_polls = 0

    def is_hung(self, *, pages: int, steps: int) -> bool:
        """One look at how many pages are inside, and how many steps there have been so far."""
        if not pages or steps != self._last_steps:
            self._last_steps, self._idle_polls = steps, 0
            return False
        self._idle_polls += 1
        return self._idle_polls >= self.max_idle_polls
