"""Why a Redis that is there does not do what it is asked, in a sentence for whoever waits for it."""

from redis import exceptions

_LATER = "Please try again later."

#: what Redis answers, the first that fits, and the sentence; a Redis that does not answer is the error's own default
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (
        exceptions.OutOfMemoryError,
        f"Redis, which carries the tasks, is full: nothing is taken in until pages are finished. {_LATER}",
    ),
    (exceptions.ReadOnlyError, f"Redis, which carries the tasks, is read-only at present. {_LATER}"),
    (exceptions.BusyLoadingError, f"Redis, which carries the tasks, is still loading its data. {_LATER}"),
    (
        exceptions.AuthenticationError,
        f"Redis, which carries the tasks, does not accept this service's password (REDIS_URL). {_LATER}",
    ),
    (
        exceptions.NoPermissionError,
        f"Redis, which carries the tasks, does not permit this service's user what it needs (REDIS_URL). {_LATER}",
    ),
    (
        exceptions.ResponseError,
        f"Redis, which carries the tasks, refuses to work at present; its log or ours says why. {_LATER}",
    ),
)


def refusal(exc: Exception) -> str:
    """The sentence for what a Redis answered; empty where it did not answer."""
    return next((sentence for kind, sentence in _SENTENCES if isinstance(exc, kind)), "")
