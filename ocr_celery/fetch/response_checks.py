"""Checks a response before its body is used: a success, complete, with an unambiguous length and encoding."""

import re
from collections.abc import Iterator

import urllib3
from requests import Response

from ocr_celery.errors import DownloadFailed, SourceRefused
from ocr_celery.fetch.inflate import CorruptData, Inflater

_READ_BYTES = 64 * 1024  # at a time


def check_status(response: Response, host: str) -> None:
    """Raises `SourceRefused`, or `DownloadFailed` if the same request may succeed later."""
    status = response.status_code
    if status == 429 or status >= 500:
        failed = DownloadFailed(f"{host} answered with status {status}.")
        failed.retry_after = _retry_after(response.headers.get("Retry-After", ""))
        raise failed
    if status == 206:  # valid only as the response to a range request
        raise SourceRefused(f"{host} answered with a part of the file (status 206), which was not requested.")
    if not 200 <= status < 300:
        raise SourceRefused(f"{host} answered with status {status}.")


def check_framing(response: Response, host: str) -> None:
    """Raise `DownloadFailed` if the end of the body is ambiguous: a truncated body could then pass for a complete one."""
    lengths = {length.strip() for length in response.headers.get("Content-Length", "0").split(",")}
    coding = response.headers.get("Transfer-Encoding", "identity").strip().lower()
    is_number = len(lengths) == 1 and all(length.isascii() and length.isdecimal() for length in lengths)
    if not is_number or coding not in ("identity", "chunked"):
        raise DownloadFailed(f"{host} sent an invalid HTTP response.")


def read_body(response: Response, host: str) -> Iterator[bytes]:
    """The decompressed body in pieces of at most 64 kB. Raises `DownloadFailed`, `SourceRefused`, and what urllib3 raises."""
    codings = [
        c
        for c in re.split(r"[\s,]+", response.headers.get("Content-Encoding", "").lower())
        if c not in ("", "identity")
    ]
    raw = iter(lambda: response.raw.read(_READ_BYTES, decode_content=False), b"")
    if not codings:
        yield from raw
        return
    if len(codings) > 1 or codings[0] not in Inflater.CODINGS:
        raise SourceRefused(f"{host} sent the file in a content encoding that was not requested.")
    inflater = Inflater(codings[0])
    try:
        for piece in raw:
            yield from inflater.feed(piece)
        inflater.close()
    except CorruptData:
        raise DownloadFailed(f"{host} sent a file whose compression is damaged or truncated.") from None


def _retry_after(header: str) -> float:
    """Seconds of a Retry-After header, a number or a date (RFC 9110, 10.2.3); 0 if it is missing or invalid."""
    try:
        return max(0.0, urllib3.Retry().parse_retry_after(header))
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0.0
