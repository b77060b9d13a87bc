"""Load that flows: pages are sent in a thread, again where they are refused, while a number of them is unfinished."""

import io
import threading
import time
from collections.abc import Callable
from functools import cache
from types import TracebackType
from typing import Self

import requests
from PIL import Image, ImageDraw, ImageFont

from ocr_celery.client import Client
from ocr_celery.errors import BrokerUnavailable, QueueFull
from tests.faults.ledger import Ledger
from tests.faults.witness import Witness
from tests.testlib.processes import png

Send = Callable[[bytes, str], str]  #: (image, prompt) → task id
picture = cache(png)


class NotNow(Exception):
    """What a client has to expect, and tries again after."""


class Flow:
    """Sends while it is entered. `open_pages`: how many may be unfinished."""

    def __init__(self, send: Send, ledger: Ledger, witness: Witness, *, open_pages: int = 40) -> None:
        self._send, self._ledger, self._witness, self._open_pages = send, ledger, witness, open_pages
        self.refused = 0  #: times that a page was not taken in
        self.errors: list[str] = []  #: what a client need not expect
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._flow, name="flow", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join(30)

    def _flow(self) -> None:
        while not self._done.is_set():
            if self._ledger.accepted - len(self._witness.finished) >= self._open_pages:
                time.sleep(0.01)
                continue
            try:
                send_one(self._send, self._ledger)
            except NotNow:
                self.refused += 1
                time.sleep(0.05)
            except Exception as exc:
                self.errors.append(repr(exc)[:300])
                time.sleep(0.05)


def send_one(send: Send, ledger: Ledger, *, prompt: str = "", expected: str = "") -> str:
    """Send the next page; its size and prompt are its own, so that its text could be no other's. Answers its id."""
    number = ledger.accepted
    width, prompt = 100 + number % 400, prompt or f"n {number}"
    id = send(picture(width), prompt)
    ledger.accept(id, expected or f"page of {width} x 20, {prompt}")
    return id


def through(client: Client) -> Send:
    """As another Python service sends."""

    def send(data: bytes, prompt: str) -> str:
        try:
            return client.submit_image(data, prompt=prompt)
        except (BrokerUnavailable, QueueFull) as exc:
            raise NotNow from exc

    return send


def printed(client: Client) -> Send:
    """The same for an engine that really reads: on the page stands what the scripted engine would say of it."""
    font = ImageFont.load_default(48)

    def send(data: bytes, prompt: str) -> str:
        with Image.open(io.BytesIO(data)) as blank:
            text = f"page of {blank.width} x {blank.height}, {prompt}"
        image = Image.new("RGB", (900, 160), "white")
        ImageDraw.Draw(image).text((40, 50), text, "black", font)
        file = io.BytesIO()
        image.save(file, "PNG")
        return through(client)(file.getvalue(), "Free OCR.")

    return send


def by_name(client: Client) -> Send:
    """As a service sends that knows nothing but Celery and the task's name."""

    def send(data: bytes, prompt: str) -> str:
        return str(client.app.send_task("ocr.image", [data], {"prompt": prompt}).id)

    return send


def over_http(url: str, *, resets: bool = False) -> Send:
    """As a client over HTTP that tries again after a 503 or a refused connection; with `resets`, after a broken one too."""

    def send(data: bytes, prompt: str) -> str:
        try:
            answer = requests.post(f"{url}/ocr", files={"file": ("p.png", data)}, data={"prompt": prompt}, timeout=20)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as exc:
            if resets or "Connection refused" in str(exc):
                raise NotNow from exc
            raise
        if answer.status_code == 503:
            raise NotNow
        assert answer.status_code == 202, answer.text
        return str(answer.json()["task_id"])

    return send
