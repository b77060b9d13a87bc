"""Which service is meant where none is named: the one that `make run` runs in this folder, else where it would listen."""

import os
from pathlib import Path

from dotenv import dotenv_values

_FILE = "service.url"  #: in the folder of `make run`, while it runs


def server() -> str:
    """The service's base URL, from OCR_DATA_DIR and OCR_PORT in the environment or `.env`."""
    given = {name: value for name, value in {**dotenv_values(".env"), **os.environ}.items() if value}
    try:
        running = (Path(given.get("OCR_DATA_DIR", ".ocr")).expanduser() / _FILE).read_text().strip()
    except (OSError, ValueError):
        running = ""
    return running or f"http://127.0.0.1:{given.get('OCR_PORT', '8000')}"
