"""Client of a running service: sends a file, waits until it is read, and fetches its text; cancels what was sent."""

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, BinaryIO

import requests

from ocr_celery.cli.clock import Clock
from ocr_celery.cli.input_files import InputFile
from ocr_celery.cli.output_formats import OutputFormat
from ocr_celery.cli.retrying_requests import RetryingRequests
from ocr_celery.cli.service_answers import ReadFailed, json_body, retry_after

_WAIT = 20.0  #: seconds that the service is asked to wait for a page; proxies in front of it give up after 30 or more
_WAIT_WITH_PAGES = 3.0  #: … and for a document, whose progress is shown meanwhile
_MAX_FAILED_WAITS = 3  #: after which the service is asked now and then instead
_CANCEL_TIMEOUT = 5.0  #: seconds that a user who interrupts it waits for everything to be cancelled


_CHUNK = 1 << 20  #: bytes of a file that are received at once

OnProgress = Callable[[str], None]
#: where a file in this format is written: a context whose file is kept only if it ends well; entered again where a try fails
OpenFile = Callable[[OutputFormat], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A file that was read."""

    task: dict[str, Any]  #: as the service shows it, with details
    failed: dict[OutputFormat, ReadFailed] = field(default_factory=dict)  #: the formats that it could not be had in


class ServiceClient:
    """Client of the service at a base URL. Used from many threads.

    `options`: reading options of every file. `text`: in which form tasks have their text, "markdown" or "raw"; "" = they need
    none. `timeout`: seconds per file, by the clock. `warn`: gets a line for the user.
    """

    def __init__(
        self,
        server: str,
        options: Mapping[str, Any],
        *,
        timeout: float,
        text: str = "markdown",
        headers: Mapping[str, str] = MappingProxyType({}),
        warn: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._requests = RetryingRequests(server, headers, warn, self._clock)
        self._options = options
        self._timeout = timeout
        self._task_query = {"details": "true", **({"format": text} if text else {"text": "false"})}
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

    def read(
        self,
        input_file: InputFile,
        formats: Sequence[OutputFormat],
        open_file: OpenFile,
        on_progress: OnProgress = lambda _: None,
    ) -> ReadResult:
        """Send the file, wait until it is read, and fetch it in these formats. Raises `ReadFailed`.

        `on_progress` is called in this thread with a few words, such as "page 3 of 7", as long as there is something to tell.
        """
        deadline = self._clock.now() + self._timeout
        task_id = self._submit(input_file, deadline)
        try:
            result = ReadResult(self._wait_for(task_id, deadline, on_progress))
            for format in formats:
                try:
                    self._fetch(task_id, format, open_file, deadline, on_progress)
                except ReadFailed as exc:
                    result.failed[format] = exc
            return result
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

    def _wait_for(self, task_id: str, deadline: float, on_progress: OnProgress) -> dict[str, Any]:
        overdue = ReadFailed("timeout", f"not read within {self._timeout:g} s (task {task_id})")
        pause, longest = 0.1, _WAIT
        while True:
            asked_at, wait = self._clock.now(), int(min(longest, deadline - self._clock.now()))
            task = self._look_up(f"/ocr/{task_id}", wait, deadline)
            if (pages := task.get("pages") or {}).get("total"):
                longest = _WAIT_WITH_PAGES
                on_progress(f"page {pages.get('completed', 0) + pages.get('failed', 0)} of {pages['total']}")
            if task.get("status") == "completed":
                return task
            if task.get("status") == "failed":
                raise ReadFailed(task.get("code") or "failed", task.get("error") or "the page could not be read")
            at_once = self._clock.now() - asked_at < wait / 2  # it cannot wait, or has no thread for another who does
            self._requests.sleep(at_once * pause, deadline, overdue)
            pause = min(1.5 * pause, 2.0) if at_once else 0.1

    def _look_up(self, path: str, wait: int, deadline: float) -> dict[str, Any]:
        """The task as it stands; if it can, the service waits for so many seconds until it is finished.

        An older service knows no `wait` and always sends the text, and a proxy may cut off an answer that takes long.
        """
        if wait > 0 and self._failed_waits < _MAX_FAILED_WAITS:
            try:
                answer = self._requests.once("GET", path, params={**self._task_query, "wait": str(wait)})
                if answer.ok:
                    return json_body(answer)
                self._failed_waits += _MAX_FAILED_WAITS if answer.status_code == requests.codes.unprocessable else 1
            except requests.RequestException:
                self._failed_waits += 1
        try:
            return self._requests.json("GET", path, deadline, params=self._task_query)
        except ReadFailed as exc:
            if exc.args[0] != "bad_request" or "text" not in self._task_query:
                raise
        self._task_query = {"details": "true"}
        return self._requests.json("GET", path, deadline, params=self._task_query)

    def _fetch(
        self, task_id: str, format: OutputFormat, open_file: OpenFile, deadline: float, on_progress: OnProgress
    ) -> None:
        """Fetch a result in one format. One that is made when it is asked for first is waited for."""
        overdue = ReadFailed("timeout", f"no {format.name} within {self._timeout:g} s (task {task_id})")

        def receive(answer: requests.Response) -> None:
            with answer:
                if answer.status_code != requests.codes.ok:
                    return  # it is not there yet
                with open_file(format) as file:
                    for part in answer.iter_content(_CHUNK):
                        file.write(part)

        path, query, wait = f"/ocr/{task_id}/result", {"format": format.name}, 0
        while True:
            asked_at = self._clock.now()
            answer = self._requests.answer("GET", path, deadline, params=query, stream=True, receive=receive)
            if answer.status_code == requests.codes.ok:
                return
            # else the file is being made, or Redis lost that the task was finished, and it is read again
            on_progress(f"making {format.name}")
            may_wait = format.is_export and (not wait or self._clock.now() - asked_at > wait / 2)
            self._requests.sleep(0.0 if may_wait else retry_after(answer) or 1.0, deadline, overdue)
            if format.is_export:
                wait = max(1, int(min(_WAIT, deadline - self._clock.now())))
                query["wait"] = str(wait)


def _read_bytes(input_file: InputFile) -> bytes:
    try:
        return input_file.path.read_bytes() if input_file.path else sys.stdin.buffer.read()
    except OSError as exc:
        raise ReadFailed("cannot_open", exc.strerror or str(exc)) from None
