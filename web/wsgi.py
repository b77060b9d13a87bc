"""What a WSGI server loads: `app`, for the settings of the process."""

import sys

from ocr_celery import logs
from ocr_celery.settings import SettingsError, load_settings
from web import create_app

try:
    settings = load_settings()
except SettingsError as exc:
    sys.exit(f"ocr-celery: {exc}")

logs.start("facade", settings.log_level, settings.log_format)
app = create_app(settings)
