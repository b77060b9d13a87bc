"""All cases, in the order of the table."""

from case import CASES
from cases import kills
from cases import ends
from cases import network
from cases import trouble
from cases import poison

__all__ = ["CASES", "ends", "kills", "network", "poison", "trouble"]
