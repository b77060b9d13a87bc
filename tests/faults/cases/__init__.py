"""All cases, in the order of the table."""

# isort: off
from case import CASES
from cases import kills
from cases import ends
from cases import network
from cases import trouble
from cases import poison
from cases import sources
from cases import callers
from cases import machine
from cases import size

__all__ = ["CASES", "callers", "ends", "kills", "machine", "network", "poison", "size", "sources", "trouble"]
