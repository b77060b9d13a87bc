"""What the answers of a service say: the task, why it was not read, and when to ask again."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import requests


class ReadFailed(Exception):
    """A file was not read. `args`: the code and the sentence."""

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"

    def as_dict(self) -> dict[str, str]:
        """The same keys as in an error of the service."""
        return {"code": str(self.args[0]), "error": str(self.args[1])}


def never_connected(exc: requests.RequestException) -> bool:
    """Whether nothing was sent, since no connection was made."""
    return isinstance(exc, requests.ConnectTimeout) or "NewConnectionError" in repr(exc)


def json_body(answer: requests.Response) -> dict[str, Any]:
    """The JSON object in an answer; {} for an error without one. Raises `ReadFailed` if it is not an ocr-celery service."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    if answer.ok:
        raise ReadFailed("no_ocr_service", f"{answer.url} is not an ocr-celery service; --server names another address")
    return {}


def failure_of(answer: requests.Response, body: dict[str, Any]) -> tuple[str, str]:
    """The code and the sentence of an answer that is an error."""
    if answer.status_code == 413 and "code" not in body:  # from a proxy: the service's own answer has a code
        size = int(answer.request.headers.get("Content-Length") or 0) / 1e6
        return "http_413", (
            f"a proxy refused the file of {size:.1f} MB, which did not reach the service; raise the proxy's limit "
            "(nginx: client_max_body_size 20m;)"
        )
    code = body.get("code") or f"http_{answer.status_code}"
    return str(code), str(body.get("detail") or answer.reason or "the service answered with an error")


def retry_after(answer: requests.Response) -> float:
    """Seconds to wait by Retry-After, at least 0.5 so that refused clients do not all return at once; 0: it names none."""
    asked = answer.headers.get("Retry-After", "")
    try:
        return max(0.5, float(asked))
    except ValueError:
        pass
    try:
        return max(0.5, parsedate_to_datetime(asked).timestamp() - time.time())
    except ValueError:
        return 0.0
