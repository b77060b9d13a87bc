"""Where the facade will listen, whether that is free, and how to write it for the person who is to open it."""

import errno
import ipaddress

import requests

from ocr_celery import listen
from ocr_celery.local import StartupError
from ocr_celery.settings import Settings


def facade_url(settings: Settings) -> str:
    """The facade's address as this machine reaches it."""
    host = settings.host
    try:
        given = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{settings.port}"
    if given.is_unspecified:
        given = ipaddress.ip_address("127.0.0.1")
    return f"http://{f'[{given}]' if given.version == 6 else given}:{settings.port}"


def describe_reach(settings: Settings) -> str:
    """Who can reach the facade, for the person who starts it."""
    try:
        local = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        local = settings.host == "localhost"
    if local:
        return "from this machine only"
    return "from your network too, without a login; OCR_HOST=127.0.0.1 make run keeps it to this machine"


def check_port_free(settings: Settings) -> None:
    """Raises `StartupError`, with what to do about it, where the facade could not listen."""
    host, port = settings.host, settings.port
    if listen.bind_error(host, port) == errno.EADDRINUSE:
        other = next((p for p in range(port + 1, min(port + 100, 65536)) if is_port_free(host, p)), port + 1)
        raise StartupError(
            f"port {port} is taken (by {_identify_listener(facade_url(settings))}): OCR_PORT={other} make run"
        )
    if said := listen.describe_bind_error(host, port):
        raise StartupError(said)


def is_port_free(host: str, port: int) -> bool:
    """Whether one could listen there."""
    return listen.bind_error(host, port) is None


def _identify_listener(at: str) -> str:
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy has no business between us and this machine
            answer = session.get(f"{at}/openapi.json", timeout=2)
            ours = "/ocr/url/batch" in answer.json()["paths"]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        ours = False
    return "another ocr-celery" if ours else "another program"
