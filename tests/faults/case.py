"""A case: a fault done to a running service, a number of times, and what must hold after it. One form for both runs."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.ledger import Account
from tests.faults.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """See the module."""

    name: str  #: as in the table
    play: Callable[[Scene, int], None]
    short: int  #: rounds in `make test-faults`
    long: int  #: rounds at a time in `make faults`
    within: float = 5.0  #: seconds in which work must go on again
    linux: bool = False  #: it needs /proc
    compares_times: bool = False  #: of one moment with those of another: no other case may run meanwhile

    def run(self, rounds: int) -> Account:
        """Play it; raises AssertionError where the service did not do what it should meanwhile."""
        with Scene() as scene:
            self.play(scene, rounds)
            return scene.close_account()

    def skips(self) -> str:
        """Why it cannot be played here."""
        return "it needs /proc" if self.linux and sys.platform != "linux" else ""


CASES: list[Case] = []


def case(
    name: str, *, short: int, long: int, within: float = 5.0, linux: bool = False, compares_times: bool = False
) -> Callable[[Callable[[Scene, int], None]], Callable[[Scene, int], None]]:
    """Adds what it decorates to the suite."""

    def add(play: Callable[[Scene, int], None]) -> Callable[[Scene, int], None]:
        needs = {"linux": linux, "compares_times": compares_times}
        CASES.append(Case(name=name, play=play, short=short, long=long, within=within, **needs))
        return play

    return add


def now() -> float:
    """Of the clock that recovery is measured by, in seconds."""
    return time.monotonic()
