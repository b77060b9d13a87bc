"""Where the processes of the other tests are found."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "web"), str(TESTS / "system"), str(TESTS)]

from nodes import own_redis  # noqa: E402

own_redis()
