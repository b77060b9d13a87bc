"""Syntax of URLs that may be fetched, checked in the same way by senders and by the fetching worker.

Nothing is resolved here; the address is checked when the URL is fetched (fetch/address_policy.py).
"""

import re
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from ocr_celery.errors import BadUrl

MAX_URL = 8192  #: characters
#: labels of at most 63 characters; a name in another script is checked after its encoding
_NAME = re.compile(r"(?=.{1,254}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")

_IN_BRACKETS = re.compile(r"\[[^\[\]]*\](?::[0-9]*)?")


def check_url(url: object) -> str:
    """Return the URL if it is an absolute http or https URL. Raises `BadUrl`, whose message never quotes the URL."""
    if not isinstance(url, str) or not url:
        raise BadUrl
    if len(url) > MAX_URL:
        raise BadUrl(f"The URL has more than {MAX_URL} characters.")
    if any(character <= " " or character in "\\\x7f" for character in url):
        raise BadUrl("The URL contains a space, a backslash or a control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
        acceptable = parts.scheme in ("http", "https") and port != 0 and is_host(parts.hostname or "")
        acceptable &= "[" not in parts.netloc or bool(_IN_BRACKETS.fullmatch(parts.netloc))
    except ValueError:  # brackets, a port that is not a number, characters that Unicode normalises to a separator
        raise BadUrl from None
    if "@" in parts.netloc:
        raise BadUrl("A URL with a user name or password is not accepted; download the file, and send it itself.")
    if not acceptable:
        raise BadUrl
    return url


def is_host(host: str) -> bool:
    """Whether this is a host name or an address, in lower case; an IPv6 address without brackets.

    IPv6 zones are refused, because they name local interfaces. Raises `ValueError` for some invalid hosts.
    """
    if ":" in host:
        return "%" not in host and bool(IPv6Address(host))
    return bool(_NAME.fullmatch(host)) if host.isascii() else bool(host.encode("utf-8"))
