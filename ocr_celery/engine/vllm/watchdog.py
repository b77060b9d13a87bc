"""When an engine that holds pages counts as hung: it has made no step for too long."""


class Watchdog:
    """Counts looks instead of seconds: while this process itself stands still, nothing can be said of the engine."""

    def __init__(self, patience: int) -> None:
        self.patience = patience  #: looks without a step
        self._steps = -1
        self._still = 0

    def hung(self, *, pages: int, steps: int) -> bool:
        """One look at how many pages are inside, and how many steps there have been so far."""
        if not pages or steps != self._steps:
            self._steps, self._still = steps, 0
            return False
        self._still += 1
        return self._still >= self.patience
