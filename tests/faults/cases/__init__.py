"""All cases, in the order of the table."""

# isort: off
from tests.faults.case import CASES
from tests.faults.cases import kills
from tests.faults.cases import documents
from tests.faults.cases import ends
from tests.faults.cases import network
from tests.faults.cases import trouble
from tests.faults.cases import poison
from tests.faults.cases import sources
from tests.faults.cases import callers
from tests.faults.cases import machine
from tests.faults.cases import size
from tests.faults.cases import files

__all__ = [
    "CASES",
    "callers",
    "documents",
    "ends",
    "files",
    "kills",
    "machine",
    "network",
    "poison",
    "size",
    "sources",
    "trouble",
]
