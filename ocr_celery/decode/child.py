"""What runs in a child: read a request and its file, decode, answer, until the worker is gone.

A child lives for many pages, each within the memory and CPU time that its request allows. It heeds no signal but SIGKILL:
the worker ends it. The worker's own end is the end of its standard input, and, where Linux can say so to one that is
busy, a SIGKILL.
"""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

from ocr_celery.decode import protocol
from ocr_celery.errors import OcrError

_PR_SET_PDEATHSIG = 1
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1  #: of malloc.h
_REUSED_BUFFER_BYTES = (
    32 << 20
)  #: bytes; buffers up to this size are used again for the next page: each fresh one costs page faults
_MAX_FILES = 64  #: open at once
_CPU_MARGIN_SECONDS = 2  #: of CPU time beyond what a request allows: the worker's clock should be the one that ends it


def main() -> None:
    """`sys.argv`: where the package lies, the worker's process id, the bytes of address space it may ever have."""
    _bind_to_worker(int(sys.argv[2]))
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_NOFILE, _MAX_FILES)
    _set_limit(resource.RLIMIT_AS, int(sys.argv[3]))
    _keep_buffers()
    answers = os.dup(1)
    from ocr_celery.decode import image  # the decoders

    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)  # decoders complain there of what strangers send
    idle = _address_space()
    _write(answers, protocol.READY)
    requests = sys.stdin.buffer
    while len(head := requests.read(protocol.REQUEST.size)) == protocol.REQUEST.size:
        asked = protocol.parse_request(head)
        data = requests.read(asked.length)
        if len(data) < asked.length:
            break
        _set_limit(resource.RLIMIT_AS, idle + len(data) + asked.memory, soft=True)
        _set_limit(resource.RLIMIT_CPU, int(_cpu_seconds() + asked.seconds) + _CPU_MARGIN_SECONDS, soft=True)
        pieces = _answer(image, data, asked)
        del data
        _set_limit(resource.RLIMIT_AS, int(sys.argv[3]), soft=True)
        for piece in pieces:
            _write(answers, piece)


def _answer(image: "object", data: bytes, asked: protocol.Request) -> list[bytes]:
    try:
        page = image.load(data, max_pixels=asked.max_pixels, max_side=asked.max_side)  # type: ignore[attr-defined]
        image_width, image_height = page.image.size
        head = protocol.PageAnswer(
            image_width=image_width, image_height=image_height, width=page.width, height=page.height, pages=page.pages
        )
        return [head.pack(), page.image.tobytes()]
    except OcrError as error:
        return [protocol.pack_refusal(error)]
    except MemoryError:
        return [protocol.pack_out_of_memory()]


def _bind_to_worker(worker: int) -> None:
    """Make the worker's end ours; what the terminal or a supervisor tells the worker's group is not for us."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != worker:
        sys.exit()


def _keep_buffers() -> None:
    with suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _REUSED_BUFFER_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * _REUSED_BUFFER_BYTES)


def _set_limit(what: int, most: int, *, soft: bool = False) -> None:
    with suppress(OSError, ValueError):  # some systems have no such limit, or a lower one stands
        hard = resource.getrlimit(what)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(what, (most, hard if soft else most))


def _address_space() -> int:
    """Bytes of it that this process has."""
    with suppress(OSError), open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
    return 0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _write(to: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(to, view) :]
