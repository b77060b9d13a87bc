"""Every case of the fault suite with a few rounds; `make faults` plays them for long."""

import pytest

from tests.faults.case import Case
from tests.faults.cases import CASES

LATITUDE = 3  #: times the bar of `make faults`: a machine that tests may do other things too


@pytest.mark.parametrize("case", [case for case in CASES if case.short], ids=lambda case: case.name)
def test_nothing_is_lost(case: Case) -> None:
    if why := case.skips():
        pytest.skip(why)
    account = case.run(case.short)
    assert not account.faults()
    assert account.once == account.accepted
    assert max(account.recovered, default=0) <= LATITUDE * case.within
