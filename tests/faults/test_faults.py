"""Every case of the fault suite with a few rounds; `make faults` plays them for long."""

import pytest

from tests.faults.case import Case
from tests.faults.cases import CASES

#: words of the cases that take minutes: side by side they come first, so that none is left for the end
LONGEST = ("CPU engine", "host that hangs", "500 connections", "make run", "hostile sources")
LATITUDE = 3  #: times the bar of `make faults`: a machine that tests may do other things too


def rank(case: Case) -> int:
    """Its place among `LONGEST`; all others come after them."""
    return next((place for place, words in enumerate(LONGEST) if words in case.name), len(LONGEST))


#: `-m alone` selects those that no other case may run beside, `-m "not alone"` the others
PLAYED = [
    pytest.param(case, id=case.name, marks=[pytest.mark.alone] if case.compares_times else [])
    for case in sorted((case for case in CASES if case.short), key=rank)
]


@pytest.mark.parametrize("case", PLAYED)
def test_nothing_is_lost(case: Case) -> None:
    if why := case.skips():
        pytest.skip(why)
    account = case.run(case.short)
    assert not account.faults()
    assert account.once == account.accepted
    assert max(account.recovered, default=0) <= LATITUDE * case.within
