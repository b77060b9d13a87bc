"""``ocr-celery read``: sends files to a running service and prints markdown. Needs the light client only."""

import re
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from ocr_celery import __version__
from ocr_celery.cli import service_address
from ocr_celery.cli.input_files import InputFile, find_input_files
from ocr_celery.cli.output import Output, output_path
from ocr_celery.cli.read_run import ReadRun
from ocr_celery.cli.service_client import RESULT_FILES, TABLE_FILES, ServiceClient


@click.group()
@click.version_option(__version__)
def main() -> None:
    """OCR as Celery tasks: pages in, text out."""


_SOME_FAILED, _SOME_LEFT_OUT = 1, 3  #: exit codes; click's own for wrong usage is 2


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
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write NAME.md files (or .txt, .json, .xlsx) into this folder; without it, the text goes to standard output.",
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
    "text_format",
    type=click.Choice(["markdown", "md", "text", "json", "chunks", "csv", "xlsx", "raw"]),
    default="markdown",
    show_default=True,
    help="Markdown (md is the same), plain text, blocks with their places, chunks, tables (with --output), "
    "or as the engine wrote it.",
)
@click.option("--json", "as_json", is_flag=True, help="The whole answer as JSON, one line per input (NAME.json files).")
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
def read_command(
    *,
    arguments: tuple[str, ...],
    server: str | None,
    output: Path | None,
    skip_existing: bool,
    prompt: str | None,
    page_range: str | None,
    text_layer: str | None,
    no_cache: bool,
    text_format: str,
    as_json: bool,
    headers: tuple[str, ...],
    jobs: int,
    timeout: float,
) -> None:
    """Read images and PDFs, folders of them, URLs and standard input (-), and print their text in the order given.

    Folders are mirrored below --output; two inputs never share a file there: x/a.png and y/a.png become x/a.md and y/a.md.

    \b
    The exit code is 0 when everything was read (or skipped, as asked for), 1 if one could not be read,
    2 for wrong usage, 3 if files in a folder were left out (office files and others that are not read), 130 after Ctrl-C.
    The first Ctrl-C stops sending and waits for what was sent, a second one cancels that.
    """
    server = server or service_address.default_server()
    if not server.startswith(("http://", "https://")):
        raise click.BadParameter(f"{server!r} does not begin with http:// or https://", param_hint="--server")
    if skip_existing and output is None:
        raise click.UsageError("--skip-existing needs --output")
    if text_format in TABLE_FILES and output is None:
        raise click.UsageError(f"--format {text_format} needs --output")
    if as_json and text_format in RESULT_FILES:
        raise click.UsageError(f"--json has the text as markdown or raw; --format {text_format} goes without it")
    suffix = ".json" if as_json else RESULT_FILES.get(text_format, ".md")
    left_out: list[Path] = []
    input_files = find_input_files(arguments, left_out)
    if skip_existing and output is not None:
        input_files = _without_existing(input_files, output, suffix)
    out = Output(input_files, folder=output, suffix=suffix, text_format=text_format, as_json=as_json)
    given = {"prompt": prompt, "page_range": page_range, "text_layer": text_layer}
    options: dict[str, Any] = {name: value for name, value in given.items() if value}
    if no_cache:
        options["cache"] = False
    extra_headers = _parse_headers(headers)
    service = ServiceClient(
        server.rstrip("/"), options, timeout=timeout, format=text_format, headers=extra_headers, warn=out.warn
    )
    reading = ReadRun(input_files, service, jobs=jobs, tell=out.warn)
    try:
        with closing(out):
            for number, answer in reading.answers():
                if isinstance(answer, tuple):
                    out.show_pages(number, *answer)
                else:
                    out.add(number, answer)
    except KeyboardInterrupt:
        service.stop()
        click.echo("\ninterrupted", err=True)
        sys.exit(130)
    sys.exit(_SOME_FAILED if out.failed else _SOME_LEFT_OUT if left_out else 0)


def _without_existing(input_files: list[InputFile], output: Path, suffix: str) -> list[InputFile]:
    missing = [input_file for input_file in input_files if not output_path(output, input_file, suffix).exists()]
    if len(missing) < len(input_files):
        click.echo(f"{len(input_files) - len(missing)} skipped: their files are in {output} already", err=True)
    return missing


def _parse_headers(given: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not value.isprintable():
            raise click.BadParameter(f"{name!r} is no header; write 'NAME: VALUE'", param_hint="--header")
        headers[name] = value.strip()
    return headers
