"""Where the facade will listen, whether that is free, and how to write it for the person who is to open it."""

import errno
import ipaddress
import os
import socket

import requests

from ocr_celery.local import Problem
from ocr_celery.settings import Settings


def url(settings: Settings) -> str:
    """The facade's address as this machine reaches it."""
    host = settings.host
    try:
        given = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{settings.port}"
    if given.is_unspecified:
        given = ipaddress.ip_address("127.0.0.1")
    return f"http://{f'[{given}]' if given.version == 6 else given}:{settings.port}"


def check_free(settings: Settings) -> None:
    """Raises `Problem`, with what to do about it, where the facade could not listen."""
    host, port = settings.host, settings.port
    reason = _refusal(host, port)
    if reason is None:
        return
    if reason == errno.EADDRINUSE:
        other = next((p for p in range(port + 1, min(port + 100, 65536)) if _refusal(host, p) is None), port + 1)
        raise Problem(f"port {port} is taken (by {_who(url(settings))}): OCR_PORT={other} make run")
    if reason == errno.EACCES:
        raise Problem(f"OCR_PORT={port}: ports below 1024 are for root; take a higher one: OCR_PORT=8000 make run")
    said = os.strerror(reason) if reason > 0 else "there is no such address on this machine"
    raise Problem(f"OCR_HOST={host} OCR_PORT={port}: cannot listen there: {said}")


def is_free(host: str, port: int) -> bool:
    """Whether one could listen there."""
    return _refusal(host, port) is None


def _refusal(host: str, port: int) -> int | None:
    """The error number that listening there ends with; None: it is free."""
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


def _who(at: str) -> str:
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy has no business between us and this machine
            answer = session.get(f"{at}/openapi.json", timeout=2)
            ours = "/ocr/url/batch" in answer.json()["paths"]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        ours = False
    return "another ocr-celery" if ours else "another program"
