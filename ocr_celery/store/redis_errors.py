"""Turns an error of Redis into a message for users."""

from ssl import SSLCertVerificationError, SSLError

from redis import exceptions

_LATER = "Please try again later."

#: (error, message), the first match counts; a Redis that does not answer has the default message of `BrokerUnavailable`
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (
        exceptions.OutOfMemoryError,
        f"Redis (the task broker) is out of memory; no pages are accepted until others finish. {_LATER}",
    ),
    (exceptions.ReadOnlyError, f"Redis (the task broker) is read-only. {_LATER}"),
    (exceptions.BusyLoadingError, f"Redis (the task broker) is still loading its data. {_LATER}"),
    (
        exceptions.AuthenticationError,
        f"Redis (the task broker) does not accept this service's password (REDIS_URL). {_LATER}",
    ),
    (
        exceptions.NoPermissionError,
        f"Redis (the task broker) does not grant this service's user the rights it needs (REDIS_URL). {_LATER}",
    ),
    (
        exceptions.ResponseError,
        f"Redis (the task broker) rejects commands; see the log of Redis or of this service. {_LATER}",
    ),
)


def explain_refusal(exc: Exception) -> str:
    """The message for an error that Redis answered; "" if Redis did not answer."""
    reason = tls_problem(exc)
    if reason:
        return f"Redis (the task broker) cannot be reached by TLS ({reason}); see REDIS_URL. {_LATER}"
    return next((sentence for kind, sentence in _SENTENCES if isinstance(exc, kind)), "")


def tls_problem(exc: BaseException | None) -> str:
    """The TLS problem that prevents the connection, in a few words; "" if TLS is not the cause."""
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


def explain(exc: BaseException) -> str:
    """In a few words, what went wrong, for a log or a terminal."""
    if isinstance(exc, exceptions.AuthenticationError):
        return "it refuses the password"
    reason = tls_problem(exc)
    return f"TLS: {reason}" if reason else str(exc).rstrip(".") or type(exc).__name__
