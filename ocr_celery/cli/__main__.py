"""``python -m ocr_celery.cli``: the command where its script is not on PATH."""

from ocr_celery.cli import main

main(prog_name="ocr-celery")
