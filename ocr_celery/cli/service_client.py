"""Client of a running service: sends a file, waits until it is read, and fetches its text; cancels what was sent."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import requests

from ocr_celery.cli.input_files import InputFile
from ocr_celery.cli.retrying_requests import RetryingRequests
from ocr_celery.cli.service_answers import ReadFailed, json_body, retry_after
from ocr_celery.core.result_formats import FORMATS
from ocr_celery.core.table_formats import TABLE_FORMATS

_WAIT = 20.0  #: seconds that the service is asked to wait for a page; proxies in front of it give up after 30 or more
_WAIT_WITH_PAGES = 3.0  #: … and for a document, whose progress is shown meanwhile
_MAX_FAILED_WAITS = 3  #: after which the service is asked now and then instead
_CANCEL_TIMEOUT = 5.0  #: seconds that a user who interrupts it waits for everything to be cancelled


#: formats that are fetched as a file once a task is finished, and the suffixes of their names
RESULT_FILES = {name: FORMATS[name].suffix for name in ("text", "json", "chunks")}
#: … those of them that programs open: they are never printed
TABLE_FILES = {name: table_format.suffix for name, table_format in TABLE_FORMATS.items()}
RESULT_FILES |= TABLE_FILES

OnPages = Callable[[int, int], None]


class ServiceClient:
    """Client of the service at a base URL. Used from many threads.

    `options`: reading options of every file. `format`: of their texts, see `RESULT_FILES`. `timeout`: seconds per file.
    `warn`: gets a line for the user.
    """

    def __init__(
        self,
        server: str,
        options: Mapping[str, Any],
        *,
        timeout: float,
        format: str = "markdown",
        headers: Mapping[str, str] = MappingProxyType({}),
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._requests = RetryingRequests(server, headers, warn)
        self._options = options
        self._timeout = timeout
        self._file_format = format if format in RESULT_FILES else ""
        self._result_query = {"format": "raw" if format == "raw" else "markdown", "details": "true"}
        self._failed_waits = 0
        self._changed = threading.Condition()  # guards the next three
        self._sent: dict[str, str] = {}  # task id → location of its file, of what is not finished
        self._being_sent = 0  # files whose task id is not known yet
        self._cancelled = 0

    @property
    def is_stopped(self) -> bool:
        """Whether no further file is to be sent."""
        return self._requests.is_sending_stopped

    def stop_sending(self) -> None:
        """Send no further file; what was sent is waited for."""
        self._requests.stop_sending()

    def stop(self) -> None:
        """Have every thread give up at its next wait."""
        self._requests.stop()

    def sent(self) -> list[tuple[str, str]]:
        """(URL of the task, location of its file) of all that was sent and is not finished."""
        with self._changed:
            return [(f"{self._requests.server}/ocr/{id}", location) for id, location in self._sent.items()]

    def cancel_sent(self) -> tuple[int, int]:
        """Cancel what was sent and is not finished, within seconds. Answers how many were cancelled, and how many not.

        A file that is being sent is cancelled by its own thread, when its task id is known.
        """
        self.stop()
        with self._changed:
            left = list(self._sent)
        threads = [threading.Thread(target=self._cancel, args=(id,), daemon=True) for id in left]
        for thread in threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: not (self._sent or self._being_sent), _CANCEL_TIMEOUT)
            return self._cancelled, len(self._sent) + self._being_sent

    def _cancel(self, task_id: str) -> None:
        with suppress(requests.RequestException):
            answer = self._requests.once("POST", f"/ocr/{task_id}/cancel", response_timeout=_CANCEL_TIMEOUT)
            if answer.ok or answer.status_code in (404, 410):  # finished so long ago that nothing is left to cancel
                with self._changed:
                    self._cancelled += task_id in self._sent
                self._finished(task_id)

    def read(self, input_file: InputFile, on_pages: OnPages = lambda *_: None) -> dict[str, Any]:
        """Send the file and return its finished task, with details; a table file as bytes. Raises `ReadFailed`.

        `on_pages(done, total)` is called in this thread while a document of several pages is read.
        """
        deadline = time.monotonic() + self._timeout
        task_id = self._submit(input_file, deadline)
        try:
            task = self._wait_for(task_id, deadline, on_pages)
            return {**task, "result": self._result_file(task_id, deadline)} if self._file_format else task
        finally:
            if not self._requests.is_stopped:
                self._finished(task_id)

    def _submit(self, input_file: InputFile, deadline: float) -> str:
        with self._changed:
            self._being_sent += 1
        try:
            task_id = self._post(input_file, deadline)
            with self._changed:
                self._sent[task_id] = input_file.location
            if self._requests.is_stopped:
                self._cancel(task_id)
        finally:
            with self._changed:
                self._being_sent -= 1
                self._changed.notify_all()
        return task_id

    def _post(self, input_file: InputFile, deadline: float) -> str:
        if input_file.path is None and input_file.location != "-":
            body = {"url": input_file.location, **self._options}
            accepted = self._requests.json("POST", "/ocr/url", deadline, json=body)
        else:
            file = {"file": (input_file.path.name if input_file.path else "stdin", _read_bytes(input_file))}
            accepted = self._requests.json("POST", "/ocr", deadline, files=file, data=self._options)
        return str(accepted.get("task_id"))

    def _finished(self, task_id: str) -> None:
        with self._changed:
            self._sent.pop(task_id, None)
            self._changed.notify_all()

    def _wait_for(self, task_id: str, deadline: float, on_pages: OnPages) -> dict[str, Any]:
        overdue = ReadFailed("timeout", f"not read within {self._timeout:g} s (task {task_id})")
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
                raise ReadFailed(task.get("code") or "failed", task.get("error") or "the page could not be read")
            at_once = time.monotonic() - asked_at < wait / 2  # it cannot wait, or has no thread for another who does
            self._requests.sleep(at_once * pause, deadline, overdue)
            pause = min(1.5 * pause, 2.0) if at_once else 0.1

    def _look_up(self, path: str, wait: int, deadline: float) -> dict[str, Any]:
        """The task as it stands; if it can, the service waits for so many seconds until it is finished.

        An older service knows no `wait`, and a proxy may cut off an answer that takes long.
        """
        if wait > 0 and self._failed_waits < _MAX_FAILED_WAITS:
            try:
                answer = self._requests.once("GET", path, params={**self._result_query, "wait": str(wait)})
                if answer.ok:
                    return json_body(answer)
                self._failed_waits += _MAX_FAILED_WAITS if answer.status_code == 422 else 1
            except requests.RequestException:
                self._failed_waits += 1
        return self._requests.json("GET", path, deadline, params=self._result_query)

    def _result_file(self, task_id: str, deadline: float) -> str | bytes:
        path, query = f"/ocr/{task_id}/result", {"format": self._file_format}
        overdue = ReadFailed("timeout", f"no result within {self._timeout:g} s (task {task_id})")
        while (answer := self._requests.answer("GET", path, deadline, params=query)).status_code != requests.codes.ok:
            pause = retry_after(answer) or 1.0  # 202: Redis lost that it was finished, and it is read again
            self._requests.sleep(pause, deadline, overdue)
        return answer.content if self._file_format in TABLE_FILES else answer.content.decode()


def _read_bytes(input_file: InputFile) -> bytes:
    try:
        return input_file.path.read_bytes() if input_file.path else sys.stdin.buffer.read()
    except OSError as exc:
        raise ReadFailed("cannot_open", exc.strerror or str(exc)) from None
