"""Why a Redis that is there does not do what it is asked, in a sentence for whoever waits for it."""

from ssl import SSLCertVerificationError, SSLError

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
    reason = tls_trouble(exc)
    if reason:
        return f"Redis, which carries the tasks, cannot be reached by TLS ({reason}); see REDIS_URL. {_LATER}"
    return next((sentence for kind, sentence in _SENTENCES if isinstance(exc, kind)), "")


def tls_trouble(exc: BaseException | None) -> str:
    """In a few words, what is wrong with TLS where that is why Redis is not reached; empty where it is not."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        if isinstance(exc, SSLCertVerificationError):
            return f"its certificate is not accepted: {exc.verify_message}"
        if isinstance(exc, SSLError):
            return (exc.reason or str(exc)).replace("_", " ").lower()
        if isinstance(exc, OSError) and "handshake" in str(exc):
            return "the handshake is not answered, as by a server that speaks no TLS"
        seen.add(id(exc))
        exc = exc.__cause__ or exc.__context__
    return ""


def why(exc: BaseException) -> str:
    """In a few words, what went wrong, for a log or a terminal."""
    if isinstance(exc, exceptions.AuthenticationError):
        return "it refuses the password"
    reason = tls_trouble(exc)
    return f"TLS: {reason}" if reason else str(exc).rstrip(".") or type(exc).__name__
