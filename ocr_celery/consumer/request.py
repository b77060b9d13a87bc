"""What Celery's events, Flower and `inspect` show of a page: short, and never an image or the secret part of a URL."""

from typing import Any

from celery.worker.request import Request

from ocr_celery import message


class PageRequest(Request):
    """Celery's request, which would otherwise show all arguments as their sender wrote them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr: str = message.redacted_args(self._type, self._args, self._kwargs, self.argsrepr)
        self._kwargsrepr: str = "{}"

    def info(self, safe: bool = False) -> dict[str, Any]:
        """The answer of `inspect`, without the arguments, of which one may be an image."""
        info: dict[str, Any] = super().info(safe=True)
        return info
