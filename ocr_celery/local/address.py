"""The address of the facade: its URL, who can reach it, and whether its port is free."""

import errno
import ipaddress

import requests

from ocr_celery import listen
from ocr_celery.local import LocalRunError
from ocr_celery.settings import Settings


def facade_url(settings: Settings) -> str:
    """The facade's URL as this machine reaches it."""
    host = settings.host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{settings.port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1")
    return f"http://{f'[{address}]' if address.version == 6 else address}:{settings.port}"


def describe_reach(settings: Settings) -> str:
    """Who can reach the facade, in words for the start message."""
    try:
        local = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        local = settings.host == "localhost"
    if local:
        return "from this machine only"
    return "from your network too, without a login; OCR_HOST=127.0.0.1 make run keeps it to this machine"


def check_port_free(settings: Settings) -> None:
    """Raises `LocalRunError` if the facade cannot listen at its address; for a taken port it names a free one."""
    host, port = settings.host, settings.port
    if listen.bind_error(host, port) == errno.EADDRINUSE:
        other = next((p for p in range(port + 1, min(port + 100, 65536)) if is_port_free(host, p)), port + 1)
        raise LocalRunError(
            f"port {port} is taken (by {_identify_listener(facade_url(settings))}): OCR_PORT={other} make run"
        )
    if reason := listen.describe_bind_error(host, port):
        raise LocalRunError(reason)


def is_port_free(host: str, port: int) -> bool:
    """Whether a server could listen at this address."""
    return listen.bind_error(host, port) is None


def _identify_listener(at: str) -> str:
    try:
        with requests.Session() as session:
            session.trust_env = False  # on this machine: never through a proxy of the environment
            answer = session.get(f"{at}/openapi.json", timeout=2)
            ours = "/ocr/url/batch" in answer.json()["paths"]
    except (requests.RequestException, ValueError, KeyError, TypeError):
        ours = False
    return "another ocr-celery" if ours else "another program"
