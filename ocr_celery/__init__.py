"""OCR as Celery tasks: pages in, text out, none lost."""

__version__ = "0.2.0"
