"""Runs the service on one machine for `make run`: starts, restarts and stops Redis (if none is given), workers and facade."""


class LocalRunError(Exception):
    """The service cannot start here; the message says what is wrong and what to change, and is printed as it is."""
