"""Where `celery -A ocr_celery.export worker` finds the application of exporters, which is built on first use."""

from typing import Any

from ocr_celery.celery import exporter_app


def __getattr__(name: str) -> Any:
    if name == "app":
        return exporter_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
