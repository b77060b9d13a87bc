"""Decides that an engine hangs: it has pages inside and has made no step for too long."""


class Watchdog:
    """Counts polls instead of seconds, so that time in which this process itself was stopped does not count."""

    def __init__(self, max_idle_polls: int) -> None:
        self.max_idle_polls = max_idle_polls  #: polls without a step until the engine hangs
        self._last_steps = -1
        self._idle_polls = 0

    def is_hung(self, *, pages: int, steps: int) -> bool:
        """Poll once: `pages` are inside, `steps` have been made so far. Whether the engine hangs."""
        if not pages or steps != self._last_steps:
            self._last_steps, self._idle_polls = steps, 0
            return False
        self._idle_polls += 1
        return self._idle_polls >= self.max_idle_polls
