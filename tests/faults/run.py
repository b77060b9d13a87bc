"""Plays all cases again and again until the time is over, and prints what has become of every page.

    python -m tests.faults.run [--minutes 60] [--only WORD] [--write]

`--write` puts the table into docs/reliability.md. The exit code is 1 where a page was lost, finished twice, wrong or
stuck, or work did not go on in time.
"""

import argparse
import os
import platform
import sys
import time
import traceback
from dataclasses import dataclass, field

from tests.faults.case import Case
from tests.faults.cases import CASES
from tests.faults.ledger import Account
from tests.testlib.processes import ROOT

BEGIN, END = "<!-- table -->", "<!-- end of table -->"
PAGE = ROOT / "docs" / "reliability.md"
HEAD = ("case", "rounds", "accepted", "finished once", "lost", "finished twice", "wrong", "stuck", "read again")
HEAD = (*HEAD, "seconds to recover, most (bar)")


@dataclass(slots=True)
class Row:
    """All accounts of one case."""

    case: Case
    rounds: int = 0
    accounts: list[Account] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def play(self, rounds: int) -> None:
        """Once more."""
        try:
            account = self.case.run(rounds)
        except Exception as exc:
            traceback.print_exc()
            self.failures.append(repr(exc)[:500])
            return
        self.rounds += rounds
        self.accounts.append(account)
        if faults := account.faults():
            self.failures.append(repr(faults))
        if self.slowest() > self.case.within:
            self.failures.append(f"{self.slowest():.1f} s to recover")

    def slowest(self) -> float:
        """Seconds."""
        return max((seconds for account in self.accounts for seconds in account.recovered), default=0.0)

    def notes(self) -> list[str]:
        """What else was measured last."""
        return [f"{what}: {figure}" for account in self.accounts[-1:] for what, figure in account.notes.items()]

    def cells(self) -> tuple[object, ...]:
        """As in HEAD."""
        lists = [sum(len(getattr(a, name)) for a in self.accounts) for name in ("lost", "twice", "wrong", "stuck")]
        numbers = [sum(getattr(a, name) for a in self.accounts) for name in ("accepted", "once", "again")]
        accepted, once, again = numbers
        slowest = f"{self.slowest():.1f} ({self.case.within:g})" if self.slowest() else "–"
        name = f"{self.case.name} – **failed**, see below" if self.failures else self.case.name
        return (name, self.rounds, accepted, once, *lists, again, slowest)


def table(rows: list[Row]) -> str:
    """In markdown."""
    lines = [HEAD, ("---", *("--:" for _ in HEAD[1:])), *(row.cells() for row in rows if row.accounts or row.failures)]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def play(rows: list[Row], minutes: float) -> None:
    """One pass with few rounds, so that every case is seen, then long ones in turn until the time is over."""
    end = time.monotonic() + 60 * minutes
    for first in (True, False):
        while first or time.monotonic() < end:
            for row in rows:
                rounds = (row.case.short or int(minutes >= 30)) if first else row.case.long
                if not rounds or row.case.skips() or (not first and time.monotonic() > end):
                    continue
                row.play(rounds)
                print(" · ".join(map(str, row.cells())), *row.failures[-1:], *row.notes(), flush=True)
            if first:
                break


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--only", default="", help="cases with this word in their name")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    given = parser.parse_args()
    began = time.monotonic()
    rows = [Row(case) for case in CASES if given.only in case.name]
    play(rows, given.minutes)
    took = f"{(time.monotonic() - began) / 60:.0f} min on {os.cpu_count()} cores, Python {platform.python_version()}"
    notes = "".join(f"\n* {row.case.name}: {note}" for row in rows for note in row.notes())
    failures = [f"{row.case.name}: {failure}" for row in rows for failure in row.failures]
    text = f"{table(rows)}\n\n{took}.\n{notes}" + "".join(f"\n* failed: {failure}" for failure in failures)
    print(f"\n{text}")
    if given.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
    print("\n".join(failures) or "nothing lost, nothing twice, nothing wrong, nothing stuck")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
