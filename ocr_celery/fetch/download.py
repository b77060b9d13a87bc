"""A URL from a stranger becomes the bytes of one file: bounded in time, bytes, redirects, and in where it may lead.

No requests session is used: a session reads the whole body of every redirect into memory, keeps cookies and heeds the
environment. No message and no log line tells more of a URL than its host: what follows it may be a secret.
"""

import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from http.client import HTTPException
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests import PreparedRequest, Response
from requests_hardened.ip_filter import InvalidIPAddress

from ocr_celery import __version__
from ocr_celery.core import url_syntax
from ocr_celery.errors import (
    AddressRefused,
    BadUrl,
    DownloadFailed,
    DownloadTimeout,
    EmptyFile,
    FileTooLarge,
    OcrError,
    TooManyRedirects,
)
from ocr_celery.fetch.address_policy import Address, AllowList, resolve
from ocr_celery.fetch.bounded_http import BoundedAdapter, Deadline
from ocr_celery.fetch.response_checks import check_framing, check_status, read_body

_SLOW_RESOLVER_SECONDS = 1.0  # seconds after which a host that is not found is one whose name server hangs
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": f"ocr-celery/{__version__}", "Accept": "image/*, */*;q=0.1", "Accept-Encoding": "identity"}

# These loggers write whole URLs, or warn of an address that our allow-list then admits.
for _name in ("urllib3.connection", "urllib3.connectionpool", "requests_hardened.ip_filter"):
    logging.getLogger(_name).setLevel(logging.ERROR)

#: what the libraries raise, the first that fits, and what the caller sees of it
_TRANSLATIONS: tuple[tuple[tuple[type[Exception], ...], Callable[[str], OcrError]], ...] = (
    (
        (InvalidIPAddress,),
        lambda host: AddressRefused(
            f"{host} is a private or special network address, which is refused unless OCR_URL_ALLOW names it."
        ),
    ),
    ((requests.exceptions.InvalidURL, UnicodeError), lambda _: BadUrl()),  # a name that cannot be one
    (
        (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        lambda host: DownloadTimeout(f"{host} took too long to answer."),
    ),
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError),
        lambda host: DownloadFailed(f"Could not make a trusted TLS connection to {host}."),
    ),
    (
        (requests.ConnectionError, urllib3.exceptions.ProtocolError, HTTPException, OSError),
        lambda host: DownloadFailed(f"Could not connect to {host}, or the connection was lost."),
    ),
    (
        (urllib3.exceptions.HTTPError,),
        lambda host: DownloadFailed(f"{host} sent an invalid HTTP response."),
    ),
    ((ValueError,), lambda host: DownloadFailed(f"{host} sent an invalid HTTP response.")),
)


class Downloader:
    """Fetches files. Safe to use from many threads: a fetch shares nothing with another."""

    def __init__(self, timeout: float, max_bytes: int, max_redirects: int, allow: Sequence[str] = ()) -> None:
        """`timeout` in seconds for a whole fetch with its redirects; only a slow resolver can overrun it.

        `max_bytes` bounds the file, both as sent and as decompressed. `allow` names hosts, addresses and CIDR networks
        that may be fetched from although they are private. Raises ValueError for an entry that is none of these.
        """
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._allow = AllowList(allow)

    def resolve_host(self, url: str) -> Address:
        """The address of a URL's host, for `fetch`. Takes as long as the resolver does.

        Raises `BadUrl`, `DownloadFailed` where there is none, and `DownloadTimeout` where that took long to say.
        """
        parts = urlsplit(_build_request(url).url or "")
        host, began = parts.hostname or "", time.monotonic()
        try:
            return resolve(host, parts.port or (443 if parts.scheme == "https" else 80))
        except UnicodeError:
            raise BadUrl from None
        except OSError:
            if time.monotonic() - began > _SLOW_RESOLVER_SECONDS:
                raise DownloadTimeout(f"Resolving the host {host} took too long.") from None
            raise DownloadFailed(f"The host {host} was not found.") from None

    def fetch(self, url: str, address: Address | None = None) -> bytes:
        """The file behind an http or https URL, at least 1 byte. `address`: of its host, from `resolve_host`.

        Raises `BadUrl`, `AddressRefused`, `TooManyRedirects`, `SourceRefused` (status 4xx), `FileTooLarge`,
        `EmptyFile`, and the retryable `DownloadFailed` (also for status 429 and 5xx, with
        the `retry_after` that the host asks for) and `DownloadTimeout`: no other.
        """
        deadline = Deadline(self._timeout)
        request = _build_request(url)
        for _ in range(self._max_redirects + 1):
            host = urlsplit(request.url or "").hostname or ""
            try:
                answer = self._get(request, deadline, address)
            except OcrError:
                raise
            except Exception as foreign:
                raise _translate(foreign, host) from None  # its own text and chain hold the whole URL
            if isinstance(answer, bytes):
                return answer
            request, address = _build_redirect(request.url or "", answer, host), None
        raise TooManyRedirects

    def _get(self, request: PreparedRequest, deadline: Deadline, address: Address | None) -> bytes | str:
        """The body, or where to go instead."""
        https = (request.url or "").startswith("https:")
        adapter = BoundedAdapter(self._allow, deadline, https=https, max_bytes=self._max_bytes, address=address)
        with closing(adapter), adapter.get(request) as response:
            location = response.headers.get("Location")
            if response.status_code in _REDIRECTS and location:
                return location.encode("latin-1").decode("utf-8", "replace")
            host = urlsplit(request.url or "").hostname or ""
            check_status(response, host)
            check_framing(response, host)
            return self._body(response, deadline, host)

    def _body(self, response: Response, deadline: Deadline, host: str) -> bytes:
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced[:20]) > self._max_bytes:
            raise self._too_large()
        body = bytearray()
        for piece in read_body(response, host):
            deadline.seconds_left()
            body += piece
            if len(body) > self._max_bytes:
                raise self._too_large()
        if not body:
            raise EmptyFile
        return bytes(body)

    def _too_large(self) -> FileTooLarge:
        return FileTooLarge(f"The file is larger than {self._max_bytes / 1024**2:g} MB, the limit of this service.")


def _build_request(url: str) -> PreparedRequest:
    """The request for a URL. Raises `BadUrl`; never says why in the words of the URL."""
    url_syntax.check_url(url)
    try:
        request = requests.Request("GET", url, headers=_HEADERS).prepare()
        host = urlsplit(request.url or "").hostname or ""
        acceptable = host.isascii() and url_syntax.is_host(host)
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError):  # ValueError: also all of Unicode's
        raise BadUrl from None
    if not acceptable:
        raise BadUrl
    return request


def _build_redirect(base: str, location: str, host: str) -> PreparedRequest:
    """The request for where a host sends us. Raises `BadUrl`, whose message tells nothing of that place."""
    try:
        return _build_request(urljoin(base, location))
    except (BadUrl, ValueError):  # ValueError: what is in brackets is no address, or a character is none of a host's
        raise BadUrl(f"{host} redirects to an invalid URL.") from None


def _translate(foreign: Exception, host: str) -> OcrError:
    if isinstance(foreign.__cause__, socket.gaierror):
        return DownloadFailed(f"The host {host} was not found.")
    for kinds, error in _TRANSLATIONS:
        if isinstance(foreign, kinds):
            return error(host)
    return DownloadFailed(f"The download from {host} failed.")
