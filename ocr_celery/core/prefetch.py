"""How many messages a worker prefetches: enough that its engine never waits, few enough that no other worker does."""

from dataclasses import dataclass

LOOKAHEAD_SECONDS = 1.0  #: seconds of reading to prefetch beyond what is in the engine
MIN_AHEAD = 2  #: pages prefetched beyond the engine while the engine's pace is unknown, and at least
_NEWEST_WEIGHT = 0.2  #: of the newest page in the mean time to prepare one
_BATCHES = 4  #: how many times as many pages as enter the engine its pace is measured over


@dataclass(slots=True)
class PrefetchController:
    """Measures the pace of the engine and of preparation, and derives how many pages to prefetch."""

    size: int  #: most pages in the engine
    preparing: int  #: most pages prepared at the same moment
    pages_per_second: float = 0.0  #: while the engine is busy
    seconds_to_prepare: float = 0.0
    _pages: float = 0.0  # both fade with each page that is read
    _busy_seconds: float = 0.0

    def pages_read(self, pages: int, busy_seconds: float) -> None:
        """Record that the engine finished `pages` in `busy_seconds` of work since the last call.

        Pages may leave together after a long time: a mean of the pace between one and the next would be far too high.
        """
        kept = max(0.0, 1 - pages / (_BATCHES * self.size))
        self._pages = kept * self._pages + pages
        self._busy_seconds = kept * self._busy_seconds + busy_seconds
        if self._busy_seconds > 0:
            self.pages_per_second = self._pages / self._busy_seconds

    def page_prepared(self, seconds: float) -> None:
        """Record how long a page took to prepare."""
        self.seconds_to_prepare = _mean(self.seconds_to_prepare, seconds)

    def target(self) -> int:
        """Messages to have: those in the engine, and as many as it reads in a second and while one is prepared."""
        ahead = round(self.pages_per_second * (LOOKAHEAD_SECONDS + self.seconds_to_prepare))
        return self.size + max(MIN_AHEAD, min(ahead, self.size + self.preparing))


def _mean(old: float, new: float) -> float:
    return new if old == 0 else old + _NEWEST_WEIGHT * (new - old)
