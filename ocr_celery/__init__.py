"""OCR as Celery tasks: pages in, text out, none lost.

``celery -A ocr_celery`` finds the application of the service's programs here; it is built on first use, so that importing
the package stays free of side effects.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from celery import Celery

    celery: Celery

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "celery":
        from ocr_celery.app import service_app

        return service_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
