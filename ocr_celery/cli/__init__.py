"""``ocr-celery read``: sends files to a running service and prints markdown. Needs the light client only."""

import re
import sys
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click

from ocr_celery import __version__
from ocr_celery.cli import service_address
from ocr_celery.cli.clock import Clock
from ocr_celery.cli.input_files import InputFile, find_input_files
from ocr_celery.cli.output import Output
from ocr_celery.cli.output_folder import OutputFolder
from ocr_celery.cli.output_formats import OutputFormat
from ocr_celery.cli.read_plan import STANDARD_OUTPUT, formats_of, make_plan
from ocr_celery.cli.read_run import ReadRun
from ocr_celery.cli.service_client import OnProgress, ReadResult, ServiceClient


@click.group()
@click.version_option(__version__)
def main() -> None:
    """OCR as Celery tasks: pages in, text out."""


_SOME_FAILED, _SOME_LEFT_OUT, _INTERRUPTED = 1, 3, 130  #: exit codes; click's own for wrong usage is 2


@main.command("read")
@click.argument("arguments", metavar="FILE|DIR|URL|-…", nargs=-1, required=True)
@click.option(
    "--server",
    "--url",
    "server",
    envvar="OCRCELERY_SERVER",
    show_envvar=True,
    help="The service; without it, the one that make run runs in this folder, else http://127.0.0.1:8000.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path, allow_dash=True),
    help="Write files into this folder, NAME.md or as the formats are called; - (and without it): to standard output.",
)
@click.option("--skip-existing", is_flag=True, help="With --output: skip what has its file there already.")
@click.option("--prompt", help="How to read; without it, the service's own prompt.")
@click.option("--page-range", metavar="1-5,8,r1", help="Which pages of documents; from 1, r1 is the last.")
@click.option(
    "--text-layer",
    type=click.Choice(["fallback", "prefer", "ignore"]),
    help="When the text that a PDF itself has is taken: where a page cannot be read, wherever it is plausible, never.",
)
@click.option("--no-cache", is_flag=True, help="Have pages read that the service has read before, too.")
@click.option(
    "--format",
    "formats_given",
    multiple=True,
    metavar="FORMAT[,…]",
    help="md (default), text, json (blocks with their places), chunks, raw (as the engine wrote it); with --output also "
    "html, csv and xlsx (tables), zip (with figures), pdf (searchable), docx. Several are possible.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="The whole answer as JSON, one line per input; with --output NAME.json files, or with --format, too, which files "
    "there are.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Sent with every request, as for a proxy's login.",
)
@click.option("--jobs", type=click.IntRange(1, 256), default=16, show_default=True, help="Files and URLs sent at once.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=600, show_default=True, help="Seconds per file or URL."
)
@click.pass_obj
def read_command(
    clock: Clock | None,
    *,
    arguments: tuple[str, ...],
    server: str | None,
    output: Path | None,
    skip_existing: bool,
    prompt: str | None,
    page_range: str | None,
    text_layer: str | None,
    no_cache: bool,
    formats_given: tuple[str, ...],
    as_json: bool,
    headers: tuple[str, ...],
    jobs: int,
    timeout: float,
) -> None:
    """Read images and PDFs, folders of them, URLs and standard input (-), and print their text in the order given.

    Patterns may be quoted: 'scans/**/*.pdf'. Folders are mirrored below --output; two inputs never share a file there: x/a.png
    and y/a.png become x/a.md and y/a.md.

    \b
    The exit code is 0 when everything was read (or skipped, as asked for), 1 if one could not be read, or had in a format,
    2 for wrong usage, 3 if files in a folder were left out (office files and others that are not read), 130 after Ctrl-C.
    The first Ctrl-C stops sending and waits for what was sent, a second one cancels that.
    """
    server = server or service_address.default_server()
    if not server.startswith(("http://", "https://")):
        raise click.BadParameter(f"{server!r} does not begin with http:// or https://", param_hint="--server")
    folder_path = None if output == STANDARD_OUTPUT else output
    left_out: list[Path] = []
    found = find_input_files(arguments, left_out, output=folder_path)
    plan = make_plan(formats_given, output=output, as_json=as_json, inputs=len(found))
    folder = OutputFolder(folder_path, found, plan.formats) if folder_path else None
    if skip_existing and folder is None:
        raise click.UsageError("--skip-existing needs --output FOLDER")
    formats = formats_of(found, plan, folder, skip_existing=skip_existing)
    if len(formats) < len(found):
        click.echo(f"{len(found) - len(formats)} skipped: their files are in {output} already", err=True)
    out = Output(formats, folder=folder, are_fetched=plan.are_fetched, prints_answers=plan.prints_answers)
    given = {"prompt": prompt, "page_range": page_range, "text_layer": text_layer}
    options: dict[str, Any] = {name: value for name, value in given.items() if value}
    if no_cache:
        options["cache"] = False
    service = ServiceClient(
        server.rstrip("/"),
        options,
        timeout=timeout,
        text=plan.text,
        headers=_parse_headers(headers),
        warn=out.warn,
        clock=clock,
    )
    _read_all(service, out, formats if plan.are_fetched else dict.fromkeys(formats, ()), jobs=jobs)
    sys.exit(_SOME_FAILED if out.failed else _SOME_LEFT_OUT if left_out else 0)


def _read_all(
    service: ServiceClient, out: Output, fetched: Mapping[InputFile, tuple[OutputFormat, ...]], *, jobs: int
) -> None:
    """Read these files, each to be fetched in some formats. Leaves the program where the user interrupts it."""
    input_files = list(fetched)

    def read(number: int, on_progress: OnProgress) -> ReadResult:
        input_file = input_files[number]
        return service.read(input_file, fetched[input_file], partial(out.open, input_file), on_progress)

    reading = ReadRun(len(input_files), service, read, jobs=jobs, tell=out.warn)
    try:
        with closing(out):
            for number, answer in reading.answers():
                if isinstance(answer, str):
                    out.show_progress(number, answer)
                else:
                    out.add(number, answer)
    except KeyboardInterrupt:
        service.stop()
        click.echo("\ninterrupted", err=True)
        sys.exit(_INTERRUPTED)


def _parse_headers(given: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value.isprintable():
            raise click.BadParameter(f"{name!r} is no header; write 'NAME: VALUE'", param_hint="--header")
        headers[name] = value.strip()
    return headers
