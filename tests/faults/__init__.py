"""Faults while pages are on their road, and an account of what became of each page."""

from tests.testlib.processes import own_redis

own_redis()
