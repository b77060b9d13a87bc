"""Whether this machine lets us listen at an address, asked before a server would fail at it line by line."""

import errno
import os
import socket


def bind_error(host: str, port: int) -> int | None:
    """The error number that listening there ends with, -1 for a name that is not known; None: it is free."""
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
    """The same in words for the person who set OCR_HOST and OCR_PORT; "" where it is free."""
    number = bind_error(host, port)
    if number is None:
        return ""
    if number == errno.EADDRINUSE:
        return f"port {port} is taken: set OCR_PORT to another one"
    if number == errno.EACCES:
        return f"OCR_PORT={port}: ports below 1024 are for root; take a higher one, as OCR_PORT=8000"
    said = os.strerror(number) if number > 0 else "there is no such address on this machine"
    return f"OCR_HOST={host} OCR_PORT={port}: cannot listen there: {said}"
