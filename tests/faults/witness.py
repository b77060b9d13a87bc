"""Who hears each final state at the moment in which it is stored: how often, when, and what it said."""

import json
import threading
import time
from contextlib import suppress
from typing import Any

from redis.exceptions import RedisError

from ocr_celery.store import connect
from ocr_celery.store.keys import Keys

_FINAL = ("SUCCESS", "FAILURE", "REVOKED")


class Witness:
    """Listens to a Redis until `close`, and again when that has been away."""

    def __init__(self, redis_url: str) -> None:
        self.finished: dict[str, list[float]] = {}  #: task id → when it was finished, by `time.monotonic`
        self.said: dict[str, str] = {}  #: task id → the text that was stored, or ``!`` and an error's class
        self.last = 0.0  #: when a page was finished last
        self._redis = connect(redis_url)
        self._closed = False
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="witness", daemon=True)
        self._thread.start()
        assert self._listening.wait(10), "Redis does not let us listen"

    def twice(self) -> set[str]:
        """The tasks whose end was stored more than once."""
        return {id for id, times in self.finished.copy().items() if len(times) > 1}

    def close(self) -> None:
        self._closed = True
        self._thread.join(10)
        self._redis.close()

    def _listen(self) -> None:
        while not self._closed:
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as heard:
                    heard.psubscribe(Keys.meta("*"))
                    self._listening.set()
                    while not self._closed:
                        if message := heard.get_message(timeout=0.2):
                            self._hear(message)
            except RedisError:
                with suppress(RedisError):
                    self._redis.connection_pool.disconnect()
                time.sleep(0.05)

    def _hear(self, message: dict[str, Any]) -> None:
        meta = json.loads(message["data"])
        if meta["status"] in _FINAL:
            self.last = time.monotonic()
            self.finished.setdefault(meta["task_id"], []).append(self.last)
            result = meta["result"] or {}
            self.said[meta["task_id"]] = str(result.get("text") or f"!{result.get('exc_type')}")
