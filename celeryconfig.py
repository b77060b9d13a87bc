"""Celery's options for the service's own programs (`celery -A ocr_celery …`), which a wrong setting ends with one line.

All of them follow from our settings, see ocr_celery/celery_options.py; what is assigned below goes before them.
"""

from ocr_celery.celery_options import service_options

globals().update(service_options())
