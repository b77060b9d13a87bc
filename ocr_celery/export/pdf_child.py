"""The child process that writes one searchable PDF: the only process that opens an untrusted PDF to change it."""

import json
import os
import resource
import sys
import traceback
from dataclasses import fields
from pathlib import Path

from ocr_celery.decode.process_limits import bind_to_parent, set_limit
from ocr_celery.errors import Internal, OcrError, PageTooCostly
from ocr_celery.export.pdf_request import PdfRequest

ERROR_FILE = "error.json"  #: in the folder of its job: the error's class, its message, and where a bug was met
_MAX_FILES = 512  #: open at once: pictures wait in files
_MAX_BYTES = 8 << 30  #: of a file that it writes


def main() -> None:
    """`sys.argv`: the folder of the package, the parent's process id, bytes of address space, seconds of CPU time.

    Reads from the standard input what is wanted, and writes `ERROR_FILE` if it cannot be made.
    """
    parent, address_space, seconds = map(int, sys.argv[2:5])
    bind_to_parent(parent)
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_FILES),
        (resource.RLIMIT_FSIZE, _MAX_BYTES),
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_CPU, seconds),
    ):
        set_limit(kind, limit)
    asked = json.load(sys.stdin)
    if answer := _write(asked):
        Path(asked["folder"], ERROR_FILE).write_text(json.dumps(answer), "utf-8")
        os._exit(1)  # at once: what a library cleans up may crash on


def _write(asked: dict[str, str | int]) -> tuple[str, str, str] | None:
    from ocr_celery.export.searchable_file import write_file  # the libraries that open the file

    paths = {field.name for field in fields(PdfRequest) if field.type is Path}
    wanted = {name: Path(str(value)) if name in paths else value for name, value in asked.items()}
    try:
        write_file(PdfRequest(**wanted))  # type: ignore[arg-type]  # what the parent made of one
    except OcrError as error:
        return type(error).__name__, error.message, ""
    except MemoryError:
        return PageTooCostly.__name__, "", ""
    except Exception as error:  # its message may hold what the page says
        place = "".join(traceback.format_tb(error.__traceback__))
        return Internal.__name__, "", f"{place}{type(error).__name__}"
    return None
