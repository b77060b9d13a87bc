"""How many messages a worker holds: enough that its engine never waits for one, few enough that no other worker does."""

from dataclasses import dataclass

AHEAD = 1.0  #: seconds of reading to hold beyond what is inside the engine
FEWEST = 2  #: pages held ahead while the engine's pace is unknown, and at least
WEIGHT = 0.2  #: of the newest observation in the moving averages


@dataclass(slots=True)
class Feed:
    """Watches the pace of the engine and of preparation and says how many pages to hold."""

    size: int  #: most pages inside the engine
    preparing: int  #: most pages prepared at the same moment
    pages_per_second: float = 0.0  #: while the engine is busy
    seconds_to_prepare: float = 0.0

    def read(self, pages: int, busy_seconds: float) -> None:
        """The engine finished `pages` in `busy_seconds` of work since the last call."""
        if busy_seconds > 0:
            self.pages_per_second = _mean(self.pages_per_second, pages / busy_seconds)

    def prepared(self, seconds: float) -> None:
        """A page took so long to fetch and decode."""
        self.seconds_to_prepare = _mean(self.seconds_to_prepare, seconds)

    def hold(self) -> int:
        """Messages to hold: those inside, and ahead of them as many as are read in a second and while one is prepared."""
        ahead = round(self.pages_per_second * (AHEAD + self.seconds_to_prepare))
        return self.size + max(FEWEST, min(ahead, self.size + self.preparing))


def _mean(old: float, new: float) -> float:
    return new if old == 0 else old + WEIGHT * (new - old)
