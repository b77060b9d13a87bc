"""Celery's own events, as Flower hears them."""

import threading
from typing import Any

from celery import Celery


class Watch:
    """Collects the events that are sent while it is entered."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.events: list[dict[str, Any]] = []
        self._heard = threading.Event()
        self._receiver: Any = None

    def of(self, id: str) -> list[dict[str, Any]]:
        """What was said of one task, in order."""
        return [event for event in list(self.events) if event.get("uuid") == id]

    def types(self, id: str) -> list[str]:
        """The kinds of what was said of one task, in order."""
        return [str(event["type"]) for event in self.of(id)]

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._listen, name="watch", daemon=True)
        self._thread.start()
        assert self._heard.wait(10), "no worker answered with a heartbeat"
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.should_stop = True
        self._thread.join(10)

    def _listen(self) -> None:
        with self.app.connection_for_read() as connection:
            self._receiver = self.app.events.Receiver(connection, handlers={"*": self._hear})
            self._receiver.capture(wakeup=True)

    def _hear(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        self._heard.set()
