"""What `make run` starts on one machine: Redis where none is given, workers, facade; kept alive, stopped in order."""


class StartupError(Exception):
    """What the person at the keyboard must know or change; the message is shown as it is."""
