"""What a result can be had as: the formats of the service's `result?format=`, under which suffix each is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One format."""

    name: str  #: as the service calls it
    suffix: str
    is_printable: bool = False  #: whether several of them may stand on standard output
    is_export: bool = False  #: whether the service makes it beside its engine, and is waited for


_ALL = (
    OutputFormat("md", ".md", is_printable=True),
    OutputFormat("text", ".txt", is_printable=True),
    OutputFormat("json", ".json", is_printable=True),
    OutputFormat("chunks", ".chunks.json", is_printable=True),
    OutputFormat("raw", ".raw.txt", is_printable=True),
    OutputFormat("html", ".html"),
    OutputFormat("csv", ".csv"),
    OutputFormat("xlsx", ".xlsx"),
    OutputFormat("zip", ".zip", is_export=True),
    OutputFormat("pdf", ".pdf", is_export=True),
    OutputFormat("docx", ".docx", is_export=True),
)
FORMATS: Mapping[str, OutputFormat] = {each.name: each for each in _ALL}
WHOLE_ANSWER = OutputFormat("answer", ".json", is_printable=True)  #: `--json`: the task as the service shows it
_ALIASES = {"markdown": "md"}


def parse_formats(given: Iterable[str]) -> tuple[OutputFormat, ...]:
    """The formats in these options, each a name or several with commas between; each once. Raises `click.BadParameter`."""
    names = [name.strip().lower() for text in given for name in text.split(",")]
    known = [_ALIASES.get(name, name) for name in names]
    for name in known:
        if name not in FORMATS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(FORMATS)}", param_hint="--format")
    return tuple(FORMATS[name] for name in dict.fromkeys(known))
