"""Which page is blamed when a worker or its engine crashes: the one policy, from a page's history to what is done with it.

A page that was in the engine at two crashes is quarantined, which means that it runs solo, so that it can harm no neighbour.
A page that ran solo at two crashes fails. One crash proves nothing, as something outside may have killed the worker; nor does
one soon after the worker's start, since an external killer that strikes again and again strikes then: a page counts as
running solo only in a worker that has been at work for SUSPECT_WARMUP seconds.

Pure: Redis stores the strikes that this module says (store/crash_marks.py).
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

QUARANTINE_AFTER = 2  #: strikes after which a page runs solo
FAIL_AFTER = 2  #: solo strikes after which it fails
SUSPECT_WARMUP = 2.0  #: seconds a worker must have been at work before a crash counts against a page that runs solo


class Cause(StrEnum):
    """What ended. The value stands in the task's record in Redis."""

    WORKER = "worker"  #: the process was killed
    ENGINE = "engine"  #: the engine failed, and its worker survived to report it
    DEADLINE = "deadline"  #: a page exceeded its deadline and could not be aborted
    UNAVAILABLE = "unavailable"  #: the engine cannot be reached: no page's doing


class RunMode(StrEnum):
    """How a page runs. The value stands in the node's crash marks in Redis."""

    SHARED = "among others"
    SOLO = "alone"  #: nothing else is in the engine, by chance
    QUARANTINED = "suspected"  #: nothing else is in the engine, as this page is suspected


class Decision(Enum):
    """What is done with a page that a worker has received."""

    RUN = "run"
    QUARANTINE = "quarantine"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashHistory:
    """What earlier crashes say of one page."""

    strikes: int = 0  #: of all crashes it was in the engine at
    solo_strikes: int = 0  #: of those at which it ran solo
    last_cause: str = ""  #: of the latest, a `Cause`; "" where there was none


@dataclass(frozen=True, slots=True)
class Strikes:
    """What one crash adds to the history of one page."""

    strikes: int = 0
    solo_strikes: int = 0


#: Solo strikes of one crash in quarantine, by cause. An engine's failure counts double: the worker survived, so nothing
#: outside killed it.
STRIKES = {Cause.WORKER: 1, Cause.ENGINE: 2, Cause.DEADLINE: 1, Cause.UNAVAILABLE: 0}


def decide(history: CrashHistory) -> Decision:
    """What to do with a page of this history."""
    if history.solo_strikes >= FAIL_AFTER:
        return Decision.FAIL
    if history.strikes >= QUARANTINE_AFTER or history.solo_strikes > 0:
        return Decision.QUARANTINE
    return Decision.RUN


def strikes(cause: Cause, mode: RunMode, *, neighbours: int) -> Strikes:
    """What a crash adds to the history of a page that ran in this mode, with so many other pages in the engine.

    A deadline is exceeded by one page, known by name, which is marked as quarantined for this: it is quarantined at once, and
    its neighbours get nothing.
    """
    if cause is Cause.UNAVAILABLE:
        return Strikes()
    if cause is Cause.DEADLINE:
        return Strikes(1 + QUARANTINE_AFTER, STRIKES[cause]) if mode is RunMode.QUARANTINED else Strikes()
    if neighbours or mode is RunMode.SHARED:
        return Strikes(1)
    return Strikes(1, STRIKES[cause] if mode is RunMode.QUARANTINED else 1)


def run_mode(*, quarantined: bool, in_engine: int, warmup_left: float) -> RunMode:
    """How a page runs that has just entered. `in_engine`: pages there now, itself included; `warmup_left`: seconds."""
    if quarantined:
        return RunMode.QUARANTINED
    return RunMode.SOLO if in_engine == 1 and not warmup_left else RunMode.SHARED
