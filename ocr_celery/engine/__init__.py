"""The engines that read pages: their contract, their factory, and a module or package for each."""

from ocr_celery import privacy

privacy.opt_out()  # before a module here imports a library that reports its use
