"""HTTP requests to one service, repeated while that may help: until answered, until a deadline, or until the user stops them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from ocr_celery.cli.clock import Clock
from ocr_celery.cli.service_answers import ReadFailed, failure_of, json_body, never_connected, retry_after

_RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})  #: answers after which the same request may succeed later
_MAX_LOST_CONNECTIONS = 3  #: broken connections after which a request has failed
_CONNECT_TIMEOUT, _RESPONSE_TIMEOUT = 5.0, 60.0  #: seconds
#: seconds to wait for a service that may be starting; one that has answered is waited for until the deadline
_STARTUP_GRACE = 30.0
_EXPORTER_GRACE = 30.0  #: seconds to wait for an exporter, which may be about to start
_NO_EXPORTER = "no_exporter"


class RetryingRequests:
    """Requests to the service at a base URL. Used from many threads; each has its own connection.

    A `deadline` is in seconds of the clock. `warn`: gets a line for the user.
    """

    def __init__(self, server: str, headers: Mapping[str, str], warn: Callable[[str], None], clock: Clock) -> None:
        self.server = server
        self._clock = clock
        self._headers = dict(headers)
        self._warn = warn
        self._sending_stopped = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # guards the next two
        self._warnings: set[str] = set()  # those that were given
        self._without_exporter = (0.0, 0.0)  # when the service said first, and last, that it has none
        self._has_answered = threading.Event()
        self._started_at = clock.now()
        self._thread_local = threading.local()

    @property
    def is_sending_stopped(self) -> bool:
        """Whether no POST is repeated any more."""
        return self._sending_stopped.is_set()

    @property
    def is_stopped(self) -> bool:
        """Whether no request is repeated any more."""
        return self._stopped.is_set()

    def stop_sending(self) -> None:
        """Repeat no POST; others are repeated."""
        self._sending_stopped.set()

    def stop(self) -> None:
        """Have every thread give up at its next wait."""
        self._sending_stopped.set()
        self._stopped.set()

    def json(self, method: str, path: str, deadline: float, **arguments: Any) -> dict[str, Any]:
        """The JSON body of a successful answer. Raises `ReadFailed`."""
        return json_body(self.answer(method, path, deadline, **arguments))

    def answer(
        self,
        method: str,
        path: str,
        deadline: float,
        *,
        receive: Callable[[requests.Response], None] = lambda _: None,
        **arguments: Any,
    ) -> requests.Response:
        """A successful answer, whatever its body. Raises `ReadFailed`.

        `receive` is called with each that is successful, and again where the connection breaks meanwhile.
        """
        pause, lost = 0.5, 0
        while True:
            wait = pause
            try:
                answer = self.once(method, path, **arguments)
                if answer.ok:
                    receive(answer)
            except requests.RequestException as exc:
                lost += not never_connected(exc)
                if lost >= _MAX_LOST_CONNECTIONS or not _may_be_repeated(method, exc):
                    raise ReadFailed("connection_lost", f"the connection broke ({type(exc).__name__})") from None
                code, sentence = "unreachable", f"{self.server} does not answer"
                self._warn_once(
                    f"{sentence}; trying again (is the service running there? --server names another address)"
                )
                if not self._has_answered.is_set():
                    deadline = min(deadline, self._started_at + _STARTUP_GRACE)
            else:
                self._has_answered.set()
                if answer.ok:
                    return answer
                code, sentence = failure_of(answer, json_body(answer))
                if answer.status_code not in _RETRYABLE_STATUSES:
                    raise ReadFailed(code, sentence)
                wait = retry_after(answer) or pause
                if code == _NO_EXPORTER:
                    self._warn_once(sentence)
                    deadline = min(deadline, self._end_without_exporter())
            stopped = self._sending_stopped if method == "POST" else self._stopped
            self._sleep(wait, deadline, ReadFailed(code, f"{sentence} (gave up)"), stopped)
            pause = min(2 * pause, 8.0)

    def once(
        self, method: str, path: str, *, response_timeout: float = _RESPONSE_TIMEOUT, **arguments: Any
    ) -> requests.Response:
        """The answer to one request, which is not repeated. Raises `requests.RequestException`."""
        timeout = (_CONNECT_TIMEOUT, response_timeout)
        return self._session().request(method, self.server + path, timeout=timeout, **arguments)

    def sleep(self, seconds: float, deadline: float, failure: ReadFailed) -> None:
        """Wait. Raises `failure` where the deadline is over or all is stopped."""
        self._sleep(seconds, deadline, failure, self._stopped)

    def _sleep(self, seconds: float, deadline: float, failure: ReadFailed, stopped: threading.Event) -> None:
        left = deadline - self._clock.now()
        if left <= 0 or self._clock.wait(stopped, min(seconds, left)):
            raise failure

    def _warn_once(self, text: str) -> None:
        with self._lock:
            if text in self._warnings:
                return
            self._warnings.add(text)
        self._warn(text)

    def _end_without_exporter(self) -> float:
        """Until when an exporter is waited for. All files share one wait; it restarts once there was an exporter in between."""
        now = self._clock.now()
        with self._lock:
            first, last = self._without_exporter
            first = first if now - last < _EXPORTER_GRACE else now
            self._without_exporter = first, now
        return first + _EXPORTER_GRACE

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._thread_local, "session", None)
        if session is None:
            session = self._thread_local.session = requests.Session()
            session.headers.update(self._headers)
            # a service on this machine is never reached through a proxy of the environment
            session.trust_env = urlsplit(self.server).hostname not in ("127.0.0.1", "::1", "localhost")
        return session


def _may_be_repeated(method: str, exc: requests.RequestException) -> bool:
    """Whether the same request may succeed later. A result whose sending broke off is whole when it is asked for again."""
    if isinstance(exc, requests.exceptions.ChunkedEncodingError):
        return method == "GET"
    return isinstance(exc, requests.ConnectionError | requests.Timeout)
