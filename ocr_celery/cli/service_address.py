"""The service to use if --server names none: the `make run` of this folder, else the address where it would listen."""

import os
from pathlib import Path

from dotenv import dotenv_values

_URL_FILE = "service.url"  #: in the folder of `make run`, while it runs


def default_server() -> str:
    """The service's base URL, from OCR_DATA_DIR and OCR_PORT in the environment or `.env`."""
    values = {name: value for name, value in {**dotenv_values(".env"), **os.environ}.items() if value}
    try:
        running = (Path(values.get("OCR_DATA_DIR", ".ocr")).expanduser() / _URL_FILE).read_text().strip()
    except (OSError, ValueError):
        running = ""
    return running or f"http://127.0.0.1:{values.get('OCR_PORT', '8000')}"
