"""What reads pages: the contract, the registry of engines, and one package for each engine."""

from ocr_celery import privacy

privacy.opt_out()  # before any module here imports a library that would report
