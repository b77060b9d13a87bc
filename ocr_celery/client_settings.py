"""The few settings of a process that only sends pages, as a client in another service. A wrong value is logged, not fatal."""

import logging
import os
from typing import Any

from pydantic import ValidationError

from ocr_celery.settings import Settings, nearest, one_line

log = logging.getLogger(__name__)

#: the names that are read, each with its setting; the first of two for one setting takes precedence
_NAMES = {
    "OCR_REDIS_URL": "redis_url",
    "REDIS_URL": "redis_url",
    "OCR_QUEUE": "queue",
    "OCR_MAX_QUEUE_SIZE": "max_queue_size",
    "OCR_TASK_TTL": "task_ttl",
    "OCR_STORE": "store",
}
_NEAR = 0.85  #: similarity from which an unknown name is reported as a slip


def load_client_settings() -> Settings:
    """Where to send pages, from environment variables only: a `.env` file belongs to the host service. Never raises.

    An unknown or wrong value is logged and ignored; but a wrong address of Redis is kept, and refused by
    `client` when it is used: pages must not go to another Redis instead.
    """
    given: dict[str, Any] = {}
    for name, field in _NAMES.items():
        text = os.environ.get(name)
        value = _value(name, field, text) if text and field not in given else None
        if value is not None:
            given[field] = value
    for name in sorted(set(os.environ).difference(_NAMES)):
        near = nearest(name, _NAMES, cutoff=_NEAR) if name.startswith("OCR_") else None
        if near:
            log.warning("%s: there is no such setting; did you mean %s?", name, near)
    return Settings(batch_size=1).model_copy(update=given)


def _value(name: str, field: str, text: str) -> Any:
    """The value of a setting; None where it is wrong."""
    try:
        return getattr(Settings.model_validate({field: text, "batch_size": 1}), field)
    except ValidationError as exc:
        if field == "redis_url":  # its text may hold a password
            log.warning("%s is not the address of a Redis", name)
            return text
        log.warning("%s; it is ignored", one_line(exc))
        return None
