"""One look for every log line: ours, Celery's, gunicorn's and vLLM's, as text for people or JSON for machines.

What is bound in structlog's context variables (request_id, task_id) stands in each line logged meanwhile, by whomever.
"""

import logging
import sys
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["auto", "text", "json"]

_CHATTY = ("urllib3", "httpx", "asyncio")  #: libraries that report each of their own steps


def configure(level: str = "INFO", format: Format = "auto", stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard error if none), replacing what was configured before.

    "text": colours only on a terminal. "json": one object a line. "auto": text on a terminal, else JSON.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    as_json = format == "json" or (format == "auto" and not terminal)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(as_json=as_json, colours=terminal and not as_json))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(True)
    # what no line of ours shows need not be looked up for each (the logging cookbook's "Optimization")
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a library may have logged before we are configured
    )


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Writes a line of ours as it is; structlog copies the whole record first, lest another handler see it changed."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        if type(record.msg) is not dict or record.exc_info:
            return super().format(record)
        event: Any = dict(record.msg)
        for step in self.processors[1:]:  # the first removes what `super` would have added
            event = step(None, record.levelname, event)
        return str(event)


def _shared() -> list[Processor]:
    """What happens to our own lines and to those of others alike."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(*, as_json: bool, colours: bool) -> logging.Formatter:
    render: list[Processor]
    if as_json:
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        plain = structlog.dev.plain_traceback
        render = [_one_line, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain, pad_event_to=0)]
    return _Formatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Text that came from outside may hold newlines or terminal codes: shown escaped, so that no line can be forged."""
    return {name: _shown(value) if name not in ("exception", "stack") else value for name, value in event.items()}


def _shown(value: Any) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in value)
