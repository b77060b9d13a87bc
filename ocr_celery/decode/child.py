"""The child process: reads a request and its file or path, decodes it, answers, until the worker closes its standard input.

A child decodes many pages, each within the memory and CPU time that its request allows. It ignores all signals but SIGKILL,
because only the worker ends it. It ends with the worker: at the end of its standard input or, on Linux, by a SIGKILL of the
kernel, which also ends a child that is busy.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import BinaryIO

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.page import Page
from ocr_celery.decode import protocol
from ocr_celery.decode.process_limits import bind_to_parent, set_limit
from ocr_celery.decode.protocol import Operation
from ocr_celery.errors import OcrError

#: `decode.image.load`
Load = Callable[..., Page]

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1  #: of malloc.h
_REUSED_BUFFER_BYTES = 32 << 20  #: buffers up to this size are kept for the next page: a fresh one costs page faults
_MAX_FILES = 64  #: open at once
_CPU_MARGIN_SECONDS = 2  #: of CPU time beyond the request's: normally the worker's clock ends the child first


def main() -> None:
    """`sys.argv`: the folder of the package, the worker's process id, the most bytes of address space it may have."""
    worker, address_space = int(sys.argv[2]), int(sys.argv[3])
    bind_to_parent(worker)
    set_limit(resource.RLIMIT_CORE, 0)
    set_limit(resource.RLIMIT_NOFILE, _MAX_FILES)
    set_limit(resource.RLIMIT_AS, address_space)
    _keep_freed_memory()
    answers = os.dup(1)
    from ocr_celery.decode import image  # the decoders

    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)  # decoders write warnings about hostile files there
    serve(sys.stdin.buffer, answers, image.load, address_space)


def serve(requests: BinaryIO, answers: int, load: Load, address_space: int) -> None:
    """Answer requests to the file descriptor `answers` until `requests` ends. `address_space`: the limit between pages."""
    idle = _address_space_used()
    _write(answers, protocol.READY)
    while len(head := requests.read(protocol.REQUEST.size)) == protocol.REQUEST.size:
        asked = protocol.parse_request(head)
        data = requests.read(asked.length)
        if len(data) < asked.length:
            break
        if asked.operation is not Operation.IMAGE and _import_documents():
            idle = _address_space_used()
        set_limit(resource.RLIMIT_AS, idle + len(data) + asked.memory, soft=True)
        set_limit(resource.RLIMIT_CPU, int(_cpu_seconds() + asked.seconds) + _CPU_MARGIN_SECONDS, soft=True)
        pieces = _answer(load, data, asked)
        del data
        set_limit(resource.RLIMIT_AS, address_space, soft=True)
        for piece in pieces:
            _write(answers, piece)


def _answer(load: Load, data: bytes, asked: protocol.Request) -> list[bytes]:
    try:
        found = _decode(load, data, asked)
        return [protocol.pack_document(found)] if isinstance(found, DocumentInfo) else _page_pieces(found, asked)
    except OcrError as error:
        return [protocol.pack_refusal(error)]
    except MemoryError:
        return [protocol.pack_out_of_memory()]


def _decode(load: Load, data: bytes, asked: protocol.Request) -> Page | DocumentInfo:
    sizes = {"max_pixels": asked.max_pixels, "max_side": asked.max_side}
    if asked.operation is Operation.IMAGE:
        return load(data, **sizes)
    from ocr_celery.decode import document

    path, password = protocol.parse_location(data)
    if asked.operation is Operation.OPEN:
        return document.open_document(path, password)
    return document.load_page(path, password, asked.number, **sizes)


def _page_pieces(page: Page, asked: protocol.Request) -> list[bytes]:
    text = page.text_layer.encode(errors="replace") if asked.with_text else b""
    if len(text) > protocol.MAX_TEXT_BYTES:
        text = b""  # not a part of it, which would be taken for the whole
    width, height = page.image.size
    head = protocol.PageAnswer(
        image_width=width,
        image_height=height,
        width=page.width,
        height=page.height,
        pages=page.pages,
        text_length=len(text),
        text_plausible=bool(text) and page.text_plausible,
        fonts_missing=page.fonts_missing,
    )
    return [head.pack(), page.image.tobytes(), text]


def _import_documents() -> bool:
    """Import the decoders of documents. Returns whether they were not there before."""
    if "ocr_celery.decode.document" in sys.modules:
        return False
    import_module("ocr_celery.decode.document")
    return True


def _keep_freed_memory() -> None:
    with suppress(OSError, AttributeError):  # only glibc has mallopt
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _REUSED_BUFFER_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _REUSED_BUFFER_BYTES)


def _address_space_used() -> int:
    """Bytes of address space of this process; 0 where the system does not say."""
    with suppress(OSError), open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
    return 0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
