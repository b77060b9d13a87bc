"""All cases, in the order of the table."""

# isort: off
from case import CASES
from cases import kills
from cases import ends
from cases import network
from cases import trouble
from cases import poison
from cases import sources

__all__ = ["CASES", "ends", "kills", "network", "poison", "sources", "trouble"]
