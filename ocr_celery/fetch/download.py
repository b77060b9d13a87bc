"""Downloads the file of an untrusted URL, with limits on time, bytes, redirects and addresses.

It uses no requests session, which would read the whole body of every redirect into memory, keep cookies and use proxies of
the environment. Messages and log lines contain only the host of a URL, because the rest may be a secret.
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

_SLOW_RESOLVER_SECONDS = 1.0  # a host not found after this long has a name server that hangs
_START_BYTES = 1024  # of a file, by which its kind is known
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {"User-Agent": f"ocr-celery/{__version__}", "Accept": "image/*, */*;q=0.1", "Accept-Encoding": "identity"}

# These loggers write whole URLs, or warn of an address that the allow-list then admits.
for _name in ("urllib3.connection", "urllib3.connectionpool", "requests_hardened.ip_filter"):
    logging.getLogger(_name).setLevel(logging.ERROR)

#: (exceptions of the libraries, error for the user); the first match counts
_TRANSLATIONS: tuple[tuple[tuple[type[Exception], ...], Callable[[str], OcrError]], ...] = (
    (
        (InvalidIPAddress,),
        lambda host: AddressRefused(
            f"{host} is a private or special network address, which is refused unless OCR_URL_ALLOW names it."
        ),
    ),
    ((requests.exceptions.InvalidURL, UnicodeError), lambda _: BadUrl()),  # not a valid host name
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
    """Downloads files. Thread-safe: downloads share no state."""

    def __init__(
        self,
        timeout: float,
        max_bytes: int,
        max_redirects: int,
        allow: Sequence[str] = (),
        limit: Callable[[bytes], int] | None = None,
    ) -> None:
        """`timeout`: seconds for a whole download with its redirects; only a slow resolver can exceed it.

        `max_bytes` limits the file, both as sent and decompressed. `limit`: a lower one, by its first bytes.
        `allow`: host names, addresses and CIDR networks that may be fetched from even if they are private.
        Raises ValueError for an invalid entry.
        """
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._limit = limit or (lambda _: max_bytes)
        self._max_redirects = max_redirects
        self._allow = AllowList(allow)

    def resolve_host(self, url: str) -> Address:
        """The address of a URL's host, for `fetch`. Has no timeout but the resolver's.

        Raises `BadUrl`, `DownloadFailed` if the host does not exist, or `DownloadTimeout` if the resolver failed slowly.
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
        """The content of an http or https URL, at least 1 byte. `address`: of its host, from `resolve_host`.

        Raises `BadUrl`, `AddressRefused`, `TooManyRedirects`, `SourceRefused` (status 4xx), `FileTooLarge`,
        `EmptyFile`, and the retryable `DownloadFailed` (also for status 429 and 5xx, with
        the `retry_after` that the host requests) and `DownloadTimeout`, and no other exception.
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
                raise _translate(foreign, host) from None  # its message and chain contain the whole URL
            if isinstance(answer, bytes):
                return answer
            request, address = _build_redirect(request.url or "", answer, host), None
        raise TooManyRedirects

    def _get(self, request: PreparedRequest, deadline: Deadline, address: Address | None) -> bytes | str:
        """The body, or the target of a redirect."""
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
        size = int(announced[:20]) if announced.isdecimal() else 0
        limit = self._max_bytes
        if size > limit:
            raise _too_large(limit)
        body = bytearray()
        for piece in read_body(response, host):
            deadline.seconds_left()
            is_start = len(body) < _START_BYTES
            body += piece
            if is_start and len(body) >= _START_BYTES:
                limit = min(limit, self._limit(bytes(body[:_START_BYTES])))
            if max(len(body), size if len(body) >= _START_BYTES else 0) > limit:
                raise _too_large(limit)
        if not body:
            raise EmptyFile
        return bytes(body)


def _too_large(limit: int) -> FileTooLarge:
    return FileTooLarge(f"The file is larger than {limit / 1024**2:g} MB, the limit of this service.")


def _build_request(url: str) -> PreparedRequest:
    """The request for a URL. Raises `BadUrl`, whose message never quotes the URL."""
    url_syntax.check_url(url)
    try:
        request = requests.Request("GET", url, headers=_HEADERS).prepare()
        host = urlsplit(request.url or "").hostname or ""
        acceptable = host.isascii() and url_syntax.is_host(host)
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError):  # UnicodeError is a ValueError
        raise BadUrl from None
    if not acceptable:
        raise BadUrl
    return request


def _build_redirect(base: str, location: str, host: str) -> PreparedRequest:
    """The request for the target of a redirect. Raises `BadUrl`, whose message does not contain the target."""
    try:
        return _build_request(urljoin(base, location))
    except (BadUrl, ValueError):  # ValueError: invalid brackets or characters in the host
        raise BadUrl(f"{host} redirects to an invalid URL.") from None


def _translate(foreign: Exception, host: str) -> OcrError:
    if isinstance(foreign.__cause__, socket.gaierror):
        return DownloadFailed(f"The host {host} was not found.")
    for kinds, error in _TRANSLATIONS:
        if isinstance(foreign, kinds):
            return error(host)
    return DownloadFailed(f"The download from {host} failed.")
