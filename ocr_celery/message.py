"""What our messages hold: the one place that knows their JSON keys; for results it is `task_results`.

A Job travels as the arguments of a task: ``ocr.image(image, **options)`` with raw bytes or a reference,
``ocr.url(url, **options)``, or ``ocr.document(document, **options)``, which says the same as ``ocr.image``: the content of the
file decides. A sender that uses the name may leave any option out. ``ocr.page(document_id, number)`` and ``ocr.assemble()`` are
sent by workers only (transport/document_messages.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ocr_celery.core import document_options
from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.core.file_reference import is_reference
from ocr_celery.core.options import Options
from ocr_celery.errors import BadOption

IMAGE, URL, DOCUMENT, COLLECT = "ocr.image", "ocr.url", "ocr.document", "ocr.collect"
PAGE = "ocr.page"  #: a page of a document that was opened
ASSEMBLE = "ocr.assemble"  #: a document whose pages are all final; it has the id of the document
EXPORT = "ocr.export"  #: a file that is made of a result, by an exporter: (task id, format, options)
POOL_TASKS = frozenset({IMAGE, URL, DOCUMENT, PAGE, ASSEMBLE})  #: those that the batching pool takes
ACCEPT_PARTIAL = "accept_partial"  #: what a chord's body says that is to run although pages failed
_ARGUMENT = {IMAGE: "image", URL: "url", DOCUMENT: "document"}


@dataclass(frozen=True, slots=True)
class Job:
    """One file to read: where it comes from and how to read it."""

    task: str  #: IMAGE, URL, DOCUMENT or PAGE
    source: (
        Any  #: bytes or a file's reference; for URL what the caller gave, checked when it is fetched; for PAGE a label
    )
    options: Options
    file_options: DocumentOptions = field(default_factory=DocumentOptions)

    def page_options(self) -> dict[str, Any]:
        """The options of each of its pages, should it be a document, as `page_job` takes them."""
        of_file = {"text_layer": self.file_options.text_layer, **({} if self.file_options.cache else {"cache": False})}
        return {**self.options.as_dict(), **of_file}

    def redacted(self) -> str:
        """The source as logs and Flower show it: short, no image bytes, no query string (it may be a signature)."""
        return redacted(self.task, self.source)


def read_job(task: str, args: Sequence[Any], kwargs: Mapping[str, Any], defaults: Options) -> Job:
    """The job in a task's arguments. Raises `BadOption` for arguments that are not of the form above."""
    given = dict(kwargs)
    name = _ARGUMENT[task]
    if len(args) > 1 or (args and name in given) or (not args and name not in given):
        known = ", ".join(sorted(document_options.ALL_NAMES))
        raise BadOption(f"{task} takes one argument, {name}, and the options {known} as keywords.")
    source = args[0] if args else given.pop(name)
    return Job(task, source, *document_options.read_options(given, defaults))


def page_job(document_id: str, number: int, options: Mapping[str, Any], defaults: Options) -> Job:
    """The job of a page. `options`: as its document's record has them."""
    return Job(PAGE, f"{document_id}, page {number}", *document_options.read_options(options, defaults))


def read_page_args(args: Any, kwargs: Any) -> tuple[str, int]:
    """The document's id and the page's number in the arguments of `PAGE`. Raises `BadOption` for anything else."""
    found = tuple(args) if isinstance(args, list | tuple) and not kwargs else ()
    if len(found) == 2 and isinstance(found[0], str) and type(found[1]) is int and found[1] > 0:
        return found
    raise BadOption(f"{PAGE} takes the id of a document and the number of a page, and is sent by workers only.")


def url(task: str, args: Any, kwargs: Any) -> str:
    """The URL that a page is fetched from; "" for an image, and where the URL is not a string."""
    source = _source(task, args, kwargs)
    return source if task == URL and isinstance(source, str) else ""


def _source(task: str, args: Any, kwargs: Any) -> Any:
    """The first argument of any message, however it is made."""
    positional = args if isinstance(args, list | tuple) else ()
    named = kwargs if isinstance(kwargs, Mapping) else {}
    return positional[0] if positional else named.get(_ARGUMENT.get(task, ""))


def source_host(url: str) -> str:
    """Where it leads, "" for no proper URL."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def recorded_source(task: str, args: Any, kwargs: Any) -> str:
    """What the record of a task says of where its page comes from; "" for an image, whose name only its sender knows."""
    source = _source(task, args, kwargs)
    return redacted(task, source) if task == URL else ""


def redacted(task: str, source: Any) -> str:
    """A short text for the source of a job, safe to log."""
    if isinstance(source, bytes | bytearray | memoryview):
        return f"<{len(source)} bytes>"
    if not isinstance(source, str):
        return f"<{type(source).__name__}>"
    return source[:60] if task in (IMAGE, DOCUMENT) and is_reference(source) else redact_url(source)


def redacted_source(task: str, args: Any, kwargs: Any, name: Any) -> str:
    """Where the page of any message comes from, as the log shows it. `name`: what the sender calls the file, if anything.

    The name is preferred to a reference to stored bytes, which means nothing to a reader.
    """
    named = name[:120].encode(errors="backslashreplace").decode() if isinstance(name, str) else ""
    if task == PAGE:
        return _page_label(args, named)
    if task != URL and named:
        return named
    source = _source(task, args, kwargs)
    if task in (IMAGE, DOCUMENT) and is_reference(source):
        return "<stored image>"
    return redacted(task, source)


def _page_label(args: Any, name: str = "") -> str:
    """The file's name or the document's id, and the page's number."""
    try:
        document, number = read_page_args(args, {})
    except BadOption:
        return "<malformed page>"
    return f"{name or document[:60]}, page {number}"


def redacted_args(task: str, args: Any, kwargs: Any, given: str) -> str:
    """The arguments of any message for a page task, however it is made, as events and Flower show them.

    `given`: the text that the sender wants shown; used for a stored image only, where it may be the name of a file.
    """
    if task == PAGE:
        return f"({_page_label(args)})"
    if task == ASSEMBLE:
        return given[:120] or "()"
    text = redacted(task, _source(task, args, kwargs))
    return given[:120] if is_reference(text) and given else f"({text})"


def redact_url(url: str) -> str:
    """A URL without user, query and fragment, at most 120 characters."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "<malformed URL>"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "<malformed URL>"
    return plain(f"{parts.scheme}://{parts.hostname}{port}{parts.path}")


def plain(text: str) -> str:
    """At most 120 characters of a text that is to be shown.

    JSON may contain half of a surrogate pair, which is not valid Unicode: Redis and Lua could not read a record with it.
    """
    text = text[:121].encode(errors="backslashreplace").decode()
    return text if len(text) <= 120 else text[:119] + "…"
