"""Reads files in threads until all are read. Ctrl-C stops sending, a second one cancels what was sent, a third one leaves."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from functools import partial
from queue import Empty, SimpleQueue

from ocr_celery.cli.service_answers import ReadFailed
from ocr_celery.cli.service_client import OnProgress, ReadResult, ServiceClient

#: number of the input file, and its result, why there is none, or what is being done with it
ReadEvent = tuple[int, ReadResult | ReadFailed | str]
#: reads the input file with this number: see `ServiceClient.read`
ReadOne = Callable[[int, OnProgress], ReadResult]

_MOST_NAMED = 20  #: files that are still being read, in the message after Ctrl-C


class _News(Enum):
    """What the main thread hears besides answers."""

    INTERRUPT = auto()
    THREAD_ENDED = auto()


class ReadRun:
    """One run over `count` files, `jobs` at once. `tell`: gets a line for the user. Used from the main thread."""

    def __init__(
        self, count: int, service: ServiceClient, read: ReadOne, *, jobs: int, tell: Callable[[str], None]
    ) -> None:
        self._count, self._service, self._read, self._tell = count, service, read, tell
        self._threads = min(jobs, count)
        self._todo: SimpleQueue[int] = SimpleQueue()
        self._news: SimpleQueue[ReadEvent | _News | BaseException] = SimpleQueue()
        self._signals = 0

    def answers(self) -> Iterator[ReadEvent]:
        """Each answer as it arrives. Raises `KeyboardInterrupt` at the end where the user interrupted it.

        After the second Ctrl-C nothing is waited for: the threads are daemons.
        """
        for number in range(self._count):
            self._todo.put(number)
        with self._interrupts_as_news():
            for _ in range(self._threads):
                threading.Thread(target=self._read_all_queued, daemon=True).start()
            running, interrupts = self._threads, 0
            while running:
                news = self._news.get()
                if isinstance(news, BaseException):
                    raise news
                if news is _News.INTERRUPT:
                    interrupts += 1
                    self._interrupted(interrupts)
                elif news is _News.THREAD_ENDED:
                    running -= 1
                elif isinstance(news, tuple):
                    yield news
        if interrupts:
            raise KeyboardInterrupt

    def _read_all_queued(self) -> None:
        with suppress(Empty):
            while not self._service.is_stopped:
                number = self._todo.get_nowait()
                try:
                    self._news.put((number, self._read(number, partial(self._put_progress, number))))
                except ReadFailed as exc:
                    self._news.put((number, exc))
                except BaseException as exc:  # a defect: raised in the main thread, which would wait without end
                    self._news.put(exc)
        self._news.put(_News.THREAD_ENDED)

    def _put_progress(self, number: int, what: str) -> None:
        self._news.put((number, what))

    @contextmanager
    def _interrupts_as_news(self) -> Iterator[None]:
        """Hear of Ctrl-C between two answers; where this is not the main thread, it stays as it was."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_interrupt(self, *_: object) -> None:
        self._signals += 1
        if self._signals > 2:
            raise KeyboardInterrupt
        self._news.put(_News.INTERRUPT)

    def _interrupted(self, times: int) -> None:
        if times > 1:
            cancelled, left = self._service.cancel_sent()
            self._tell(f"{cancelled} cancelled" + (f"; {left} could not be, and may still be read" if left else ""))
            raise KeyboardInterrupt
        self._service.stop_sending()
        sent = self._service.sent()
        if not sent:
            self._tell("interrupted: nothing more is sent")
            return
        self._tell(f"interrupted: nothing more is sent, {len(sent)} are still being read; Ctrl-C again cancels them")
        for url, location in sent[:_MOST_NAMED]:
            self._tell(f"  {location}: {url}")
        if len(sent) > _MOST_NAMED:
            self._tell(f"  … and {len(sent) - _MOST_NAMED} more")
