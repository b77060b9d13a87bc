"""Starts the process that writes a searchable PDF, waits for it, and kills it where it takes too long.

qpdf and PDFium parse an untrusted file. A process of its own for each PDF costs half a second, and whatever the file does
to it, the exporter goes on with its next file.
"""

import json
import logging
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from ocr_celery import errors
from ocr_celery.decode import python_child
from ocr_celery.errors import Internal, OcrError, PageTooCostly
from ocr_celery.export.pdf_child import ERROR_FILE
from ocr_celery.export.pdf_request import PdfRequest

log = logging.getLogger(__name__)

_START = python_child.start_code("ocr_celery.export.pdf_child")
_BASE_BYTES = 768 << 20  #: of address space, besides what the largest picture takes
_BYTES_PER_PIXEL = 12
#: times as long as its processor time it may take: beside an engine that wants all processors it gets a thirtieth of one
_PATIENCE = 30
_CHECK_INTERVAL = 2.0  #: seconds
_MAX_ANSWER = 1 << 16  #: bytes


def write_in_child(wanted: PdfRequest, seconds: float, check: Callable[[], None] = lambda: None) -> None:
    """Have the PDF written with so many seconds of processor time. Raises the `OcrError` that says why there is none.

    `check`: called now and then while it is written; what it raises ends the child, and is raised.
    """
    asked = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(wanted).items()}
    with _child(wanted.max_pixels, seconds) as child:
        try:
            if child.stdin:
                with suppress(BrokenPipeError), child.stdin as pipe:
                    pipe.write(json.dumps(asked).encode())
            status = _wait(child, time.monotonic() + seconds * _PATIENCE, check)
        finally:
            child.kill()
    if status < 0:  # ended by a signal: a limit, or a crash of a library
        raise PageTooCostly(
            "Making the PDF takes more memory or time than this service allows, or crashes its library."
        )
    if status:
        raise _error(wanted.folder / ERROR_FILE)


def _child(max_pixels: int, seconds: float) -> "subprocess.Popen[bytes]":
    address_space = _BASE_BYTES + max_pixels * _BYTES_PER_PIXEL
    return subprocess.Popen(
        python_child.command(_START, os.getpid(), address_space, int(seconds)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # libraries write warnings about hostile files there
        env={**python_child.environment(), "MALLOC_ARENA_MAX": "1"},
        cwd="/",
        process_group=0,
    )


def _wait(child: "subprocess.Popen[bytes]", end: float, check: Callable[[], None]) -> int:
    """The exit status. `end`: by the monotonic clock."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.wait(max(0.0, min(_CHECK_INTERVAL, end - time.monotonic())))
        check()
        if time.monotonic() >= end:
            raise PageTooCostly("Making the PDF takes more time than this service allows.")


def _error(answer: Path) -> OcrError:
    """The error that the child has written down. It is not trusted: the child has opened the file."""
    try:
        with answer.open("rb") as file:
            name, message, place = map(str, json.loads(file.read(_MAX_ANSWER)))
    except (OSError, ValueError):
        return Internal()
    if place:
        log.error("unexpected error while making a searchable PDF:\n%s", place)
    found = errors.BY_NAME.get(name, Internal)
    return found(message) if message.isprintable() else found()
