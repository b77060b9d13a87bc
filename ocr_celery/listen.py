"""Tries to listen at an address, so that a wrong one is one line at the start and not a server's retries."""

import errno
import os
import socket


def bind_error(host: str, port: int) -> int | None:
    """The errno of listening at this address, -1 for an unknown host name; None: listening works."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the facade does it
            trial.bind(address)
            trial.listen(1)
    except socket.gaierror:
        return -1
    except OSError as exc:
        return exc.errno or -1
    return None


def describe_bind_error(host: str, port: int) -> str:
    """The same as a sentence that names the setting to change; "": listening works."""
    number = bind_error(host, port)
    if number is None:
        return ""
    if number == errno.EADDRINUSE:
        return f"port {port} is taken: set OCR_PORT to another one"
    if number == errno.EACCES:
        return f"OCR_PORT={port}: ports below 1024 are for root; take a higher one, as OCR_PORT=8000"
    reason = os.strerror(number) if number > 0 else "there is no such address on this machine"
    return f"OCR_HOST={host} OCR_PORT={port}: cannot listen there: {reason}"
