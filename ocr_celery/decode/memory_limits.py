"""How many pages a pool decodes at once, and how much memory they may take together."""

import os

from ocr_celery.decode.decode_queue import DecodeLimits

MOST_AT_ONCE = 4  #: of each kind, whatever the number of CPUs
_QUICK_PAGE_BYTES = 96 << 20  #: for each quick thread: enough for A4 at 300 dpi in most formats
_MIN_COSTLY_BYTES = 192 << 20  #: for all costly pages together, at least
_COSTLY_BYTES_PER_PIXEL = 17  #: for all costly pages together, for each pixel of the largest accepted image
_DOCUMENT_STEP = 4  #: times as much memory, for a document's page that lacked some
_CHILD_BASE_BYTES = 256 << 20  #: more address space than a child has before it decodes


def pool_limits(max_pixels: int, at_once: int = MOST_AT_ONCE) -> tuple[DecodeLimits, DecodeLimits]:
    """The limits of quick and of costly pages. `at_once`: pages of each kind, if the CPUs allow more."""
    cpus = _cpu_count()
    quick, costly = min(cpus + 1, at_once, MOST_AT_ONCE), min(max(cpus, 2), at_once, MOST_AT_ONCE)
    memory = max(_MIN_COSTLY_BYTES, max_pixels * _COSTLY_BYTES_PER_PIXEL)
    return DecodeLimits(pages=quick, memory=quick * _QUICK_PAGE_BYTES), DecodeLimits(pages=costly, memory=memory)


def child_address_space(max_memory: int) -> int:
    """Bytes of address space that a child needs to decode a page that may take `max_memory`."""
    return max_memory + _CHILD_BASE_BYTES


def next_memory(memory: int, max_memory: int, *, is_document: bool) -> int:
    """Bytes for the next try of a page for which `memory` was too little.

    Nobody knows what a page of a document needs; by steps several of them can be decoded at once.
    """
    return min(memory * _DOCUMENT_STEP, max_memory) if is_document else max_memory


def _cpu_count() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
