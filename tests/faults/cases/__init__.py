"""All cases, in the order of the table."""

from case import CASES
from cases import kills

__all__ = ["CASES", "kills"]
