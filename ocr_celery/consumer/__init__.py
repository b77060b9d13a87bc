"""The batching consumer: standard Celery messages in, batches into the engine, standard Celery results out.

A worker imports it first, so a package that only an extra installs is missed here.
"""

import sys
from importlib.util import find_spec

_PACKAGES = {"PIL": "pillow", "pi_heif": "pi-heif", "requests_hardened": "requests-hardened"}  #: by their modules
_missing = [package for module, package in _PACKAGES.items() if find_spec(module) is None]
if _missing:
    sys.exit(
        f"ocr-celery: a worker needs {', '.join(_missing)}: "
        "pip install 'ocr-celery[cpu]', or 'ocr-celery[gpu]' for DeepSeek-OCR on vLLM"
    )
