"""One format for every log line, ours, Celery's, gunicorn's and vLLM's: text for people or JSON for machines.

Values bound in structlog's context variables (request_id, task_id) are in each line logged meanwhile, by any logger.
"""

import json
import logging
import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ocr_celery.logs import pipe, terminal

Format = Literal["auto", "text", "json"]

_NOISY_LIBRARIES = ("urllib3", "httpx", "asyncio")  #: libraries that report each of their own steps


def start(program: str, level: str, format: Format, *, file: Path | None = None, **identity: str) -> bool:
    """Configure the logging of a program; if it is JSON, also of output that bypasses logging. Returns whether it is JSON.

    `program`: "facade" or "worker". `identity`: further fields of each JSON line. `file`: appended to, in place of
    standard error. Raises `OSError` where it cannot be opened.
    """
    as_json = _is_json(format, terminal=file is None and sys.stderr.isatty())
    known = {"program": program, "host": platform.node(), **identity}
    configure(level, "json" if as_json else "text", _open_stream(file, known if as_json else {}), **known)
    if as_json:
        _log_uncaught_exceptions()
    return as_json


def configure(level: str = "INFO", format: Format = "auto", stream: TextIO | None = None, **identity: str) -> None:
    """Send all logging of this process to `stream` (standard error if none), replacing what was configured before.

    "text": a short line, colours only on a terminal. "json": one object a line, with `identity` in each. "auto": text on a
    terminal, else JSON.
    """
    stream = stream or sys.stderr
    as_json = _is_json(format, terminal=stream.isatty())
    colours = stream.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _json_formatter(identity) if as_json else _text_formatter(identity.get("program", ""), colours=colours)
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _NOISY_LIBRARIES:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    # do not look up what no line shows (the logging cookbook's "Optimization")
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a library may have logged before this call
    )


def _is_json(format: Format, *, terminal: bool) -> bool:
    return format == "json" or (format == "auto" and not terminal)


#: where the log lines of this process go, once descriptors 1 and 2 lead into the pipe of `logs/pipe.py`
_log_descriptor: int | None = None


def _open_stream(file: Path | None, identity: dict[str, str]) -> TextIO | None:
    """The stream of log lines. With an `identity`, all other output goes there too, as JSON, from the first call on."""
    global _log_descriptor
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if file else None
    if not identity:
        return None if opened is None else open(opened, "w", buffering=1, errors="backslashreplace")
    if _log_descriptor is None:
        _log_descriptor = os.dup(2) if opened is None else opened
        pipe.redirect_output(_log_descriptor, identity)
    return open(_log_descriptor, "w", buffering=1, errors="backslashreplace", closefd=False)


def _log_uncaught_exceptions() -> None:
    """Log uncaught exceptions, also those of threads and finalizers."""

    def log_exception(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
        else:
            log.critical("uncaught exception", exc_info=(kind, error or kind(), trace))

    log = logging.getLogger("uncaught")
    sys.excepthook = log_exception
    threading.excepthook = lambda args: log_exception(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: log_exception(args.exc_type, args.exc_value, args.exc_traceback)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders our own events without structlog's copy of the record, which protects other handlers: there are none."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        if type(record.msg) is not dict or record.exc_info:
            return super().format(record)
        event: Any = dict(record.msg)
        for step in self.processors[1:]:  # the first removes what `super` would have added
            event = step(None, record.levelname, event)
        return str(event)


def _shared_processors() -> list[Processor]:
    """Processors of our own events and of other libraries' records alike."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _json_formatter(identity: dict[str, str]) -> logging.Formatter:
    def ordered(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        head = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
        return {**head, **event, **{name: value for name, value in identity.items() if name not in event}}

    def line(_: WrappedLogger, __: str, event: EventDict) -> str:
        return encode(event)

    encode = json.JSONEncoder(default=repr).encode
    render: list[Processor] = [structlog.processors.format_exc_info, ordered, line]
    return _processor_formatter(render)


def _text_formatter(program: str, *, colours: bool) -> logging.Formatter:
    def line(_: WrappedLogger, __: str, event: EventDict) -> str:
        text = terminal.format_event(event, program=program, at=time.localtime())
        return terminal.add_colours(text) if colours else text

    return _processor_formatter([structlog.processors.format_exc_info, _escape_values, line])


def _processor_formatter(render: list[Processor]) -> logging.Formatter:
    return _Formatter(
        foreign_pre_chain=_shared_processors(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )


def _escape_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Escape newlines and terminal codes, which text from outside may contain, so that no line can be forged."""
    return {name: _escaped(value) if name not in ("exception", "stack") else value for name, value in event.items()}


def _escaped(value: Any) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in value)
