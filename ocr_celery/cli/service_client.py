"""HTTP client of a running service: sends a document, waits for its text, and retries where that may help."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import requests

from ocr_celery.cli.documents import Document
from ocr_celery.cli.service_answers import DocumentFailed, failure_of, json_body, never_connected, retry_after
from ocr_celery.core.result_formats import FORMATS
from ocr_celery.core.table_formats import TABLE_FORMATS

_RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})  #: answers after which the same request may succeed later
_MAX_LOST_CONNECTIONS = 3  #: broken connections after which a request has failed
_CONNECT_TIMEOUT, _RESPONSE_TIMEOUT = 5.0, 60.0  #: seconds
_WAIT = 20.0  #: seconds that the service is asked to wait for a page; proxies in front of it give up after 30 or more
_WAIT_WITH_PAGES = 3.0  #: … and for a document, whose progress is shown meanwhile
_MAX_FAILED_WAITS = 3  #: after which the service is asked now and then instead
_CANCEL_PATIENCE = 5.0  #: seconds that a user who interrupts it waits for everything to be cancelled
#: seconds to wait for a service that may be starting; one that has answered is waited for until the deadline
_STARTUP_GRACE = 30.0


#: formats that are fetched as a file once a document is read, and the suffixes of their names
RESULT_FILES = {name: FORMATS[name].suffix for name in ("text", "json", "chunks")}
#: … those of them that programs open: they are never printed
TABLE_FILES = {name: kind.suffix for name, kind in TABLE_FORMATS.items()}
RESULT_FILES |= TABLE_FILES

OnPages = Callable[[int, int], None]


class ServiceClient:
    """Client of the service at a base URL. Used from many threads; each has its own connection.

    `options`: reading options of every document. `form`: of their texts, see `RESULT_FILES`. `timeout`: seconds per document.
    `warn`: gets a line for the user.
    """

    def __init__(
        self,
        server: str,
        options: dict[str, str],
        *,
        timeout: float,
        form: str = "markdown",
        headers: Mapping[str, str] = MappingProxyType({}),
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._server = server
        self._options = options
        self._timeout = timeout
        self._warn = warn
        self._headers = dict(headers)
        self._file_format = form if form in RESULT_FILES else ""
        self._result_query = {"format": "raw" if form == "raw" else "markdown", "details": "true"}
        self._failed_waits = 0
        self._sending_stopped = threading.Event()
        self._stopped = threading.Event()
        self._changed = threading.Condition()  # guards the next three
        self._sent: dict[str, str] = {}  # task id → source, of what is not finished
        self._on_their_way = 0  # documents whose task id is not known yet
        self._cancelled = 0
        self._warned = threading.Event()
        self._has_answered = threading.Event()
        self._started_at = time.monotonic()
        self._thread_local = threading.local()

    @property
    def is_stopped(self) -> bool:
        """Whether no further document is to be sent."""
        return self._sending_stopped.is_set()

    def stop_sending(self) -> None:
        """Send no further document; what was sent is waited for."""
        self._sending_stopped.set()

    def stop(self) -> None:
        """Have every thread give up at its next wait."""
        self._sending_stopped.set()
        self._stopped.set()

    def sent(self) -> list[tuple[str, str]]:
        """(URL, source) of every document that was sent and is not finished."""
        with self._changed:
            return [(f"{self._server}/ocr/{id}", source) for id, source in self._sent.items()]

    def cancel_sent(self) -> tuple[int, int]:
        """Cancel what was sent and is not finished, within seconds. Answers how many were cancelled, and how many not.

        A document that is on its way is cancelled by its own thread, when its id is known.
        """
        self.stop()
        with self._changed:
            left = list(self._sent)
        threads = [threading.Thread(target=self._cancel, args=(id,), daemon=True) for id in left]
        for thread in threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: not (self._sent or self._on_their_way), _CANCEL_PATIENCE)
            return self._cancelled, len(self._sent) + self._on_their_way

    def _cancel(self, task_id: str) -> None:
        with suppress(requests.RequestException):
            session = self._session()
            path = f"{self._server}/ocr/{task_id}/cancel"
            answer = session.post(path, timeout=(_CONNECT_TIMEOUT, _CANCEL_PATIENCE))
            if answer.ok or answer.status_code in (404, 410):  # finished so long ago that nothing is left to cancel
                with self._changed:
                    self._cancelled += task_id in self._sent
                self._finished(task_id)

    def read(self, document: Document, on_pages: OnPages = lambda *_: None) -> dict[str, Any]:
        """Send the document and return its finished task, with details; a table file as bytes. Raises `DocumentFailed`.

        `on_pages(done, total)` is called in this thread while a document of several pages is read.
        """
        deadline = time.monotonic() + self._timeout
        task_id = self._submit(document, deadline)
        try:
            task = self._wait_for(task_id, deadline, on_pages)
            return {**task, "result": self._result_file(task_id, deadline)} if self._file_format else task
        finally:
            if not self._stopped.is_set():
                self._finished(task_id)

    def _submit(self, document: Document, deadline: float) -> str:
        with self._changed:
            self._on_their_way += 1
        try:
            task_id = self._post(document, deadline)
            with self._changed:
                self._sent[task_id] = document.source
            if self._stopped.is_set():
                self._cancel(task_id)
        finally:
            with self._changed:
                self._on_their_way -= 1
                self._changed.notify_all()
        return task_id

    def _post(self, document: Document, deadline: float) -> str:
        if document.path is None and document.source != "-":
            asked = self._request("POST", "/ocr/url", deadline, json={"url": document.source, **self._options})
        else:
            file = {"file": (document.path.name if document.path else "stdin", _read_bytes(document))}
            asked = self._request("POST", "/ocr", deadline, files=file, data=self._options)
        return str(asked.get("task_id"))

    def _finished(self, task_id: str) -> None:
        with self._changed:
            self._sent.pop(task_id, None)
            self._changed.notify_all()

    def _wait_for(self, task_id: str, deadline: float, on_pages: OnPages) -> dict[str, Any]:
        pause, longest = 0.1, _WAIT
        while True:
            asked_at, wait = time.monotonic(), int(min(longest, deadline - time.monotonic()))
            task = self._look_up(f"/ocr/{task_id}", wait, deadline)
            if (pages := task.get("pages") or {}).get("total"):
                longest = _WAIT_WITH_PAGES
                on_pages(pages.get("completed", 0) + pages.get("failed", 0), pages["total"])
            if task.get("status") == "completed":
                return task
            if task.get("status") == "failed":
                raise DocumentFailed(task.get("code") or "failed", task.get("error") or "the page could not be read")
            at_once = time.monotonic() - asked_at < wait / 2  # it cannot wait, or has no place for another who does
            self._sleep(at_once * pause, deadline, "timeout", f"not read within {self._timeout:g} s (task {task_id})")
            pause = min(1.5 * pause, 2.0) if at_once else 0.1

    def _result_file(self, task_id: str, deadline: float) -> str | bytes:
        path, query = f"/ocr/{task_id}/result", {"format": self._file_format}
        while (answer := self._answer_to("GET", path, deadline, params=query)).status_code != requests.codes.ok:
            pause = retry_after(answer) or 1.0  # 202: Redis lost that it was finished, and it is read again
            self._sleep(pause, deadline, "timeout", f"no result within {self._timeout:g} s (task {task_id})")
        return answer.content if self._file_format in TABLE_FILES else answer.content.decode()

    def _look_up(self, path: str, wait: int, deadline: float) -> dict[str, Any]:
        """The task as it stands; if it can, the service waits for so many seconds until it is finished.

        An older service knows no `wait`, and a proxy may cut off an answer that takes long.
        """
        if wait > 0 and self._failed_waits < _MAX_FAILED_WAITS:
            try:
                answer = self._send("GET", path, params={**self._result_query, "wait": str(wait)})
                if answer.ok:
                    return json_body(answer)
                self._failed_waits += _MAX_FAILED_WAITS if answer.status_code == 422 else 1
            except requests.RequestException:
                self._failed_waits += 1
        return self._request("GET", path, deadline, params=self._result_query)

    def _request(self, method: str, path: str, deadline: float, **arguments: Any) -> dict[str, Any]:
        """The JSON body of a successful answer; retries until `deadline`, in seconds of `time.monotonic`."""
        return json_body(self._answer_to(method, path, deadline, **arguments))

    def _answer_to(self, method: str, path: str, deadline: float, **arguments: Any) -> requests.Response:
        """The same, whatever its body."""
        pause, lost = 0.5, 0
        while True:
            wait = pause
            try:
                answer = self._send(method, path, **arguments)
            except requests.RequestException as exc:
                lost += not never_connected(exc)
                code, sentence = "unreachable", f"{self._server} does not answer"
                if lost >= _MAX_LOST_CONNECTIONS or not _may_be_repeated(method, exc):
                    raise DocumentFailed("connection_lost", f"the connection broke ({type(exc).__name__})") from None
                if not self._warned.is_set():
                    self._warned.set()
                    self._warn(
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
                    raise DocumentFailed(code, sentence)
                wait = retry_after(answer) or pause
            stopped = self._sending_stopped if method == "POST" else self._stopped
            self._sleep(wait, deadline, code, f"{sentence} (gave up)", stopped)
            pause = min(2 * pause, 8.0)

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        timeout = (_CONNECT_TIMEOUT, _RESPONSE_TIMEOUT)
        return self._session().request(method, self._server + path, timeout=timeout, **arguments)

    def _sleep(
        self, seconds: float, deadline: float, code: str, sentence: str, stopped: threading.Event | None = None
    ) -> None:
        left = deadline - time.monotonic()
        if left <= 0 or (stopped or self._stopped).wait(min(seconds, left)):
            raise DocumentFailed(code, sentence)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._thread_local, "session", None)
        if session is None:
            session = self._thread_local.session = requests.Session()
            session.headers.update(self._headers)
            # a service on this machine is never reached through a proxy of the environment
            session.trust_env = urlsplit(self._server).hostname not in ("127.0.0.1", "::1", "localhost")
        return session


def _may_be_repeated(method: str, exc: requests.RequestException) -> bool:
    """Whether the same request may succeed later. A result whose sending broke off is whole when it is asked for again."""
    if isinstance(exc, requests.exceptions.ChunkedEncodingError):
        return method == "GET"
    return isinstance(exc, requests.ConnectionError | requests.Timeout)


def _read_bytes(document: Document) -> bytes:
    try:
        return document.path.read_bytes() if document.path else sys.stdin.buffer.read()
    except OSError as exc:
        raise DocumentFailed("cannot_open", exc.strerror or str(exc)) from None
