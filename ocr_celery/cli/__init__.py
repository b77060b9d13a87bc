"""``ocr-celery read``: documents through a running service, to markdown. Needs the light client only."""

import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import click

from ocr_celery import __version__
from ocr_celery.cli.documents import Document, find
from ocr_celery.cli.output import Output
from ocr_celery.cli.service import Failed, Service

Answer = tuple[int, "dict[str, Any] | Failed"]  #: number of the document, and its result or why there is none


@click.group()
@click.version_option(__version__)
def main() -> None:
    """OCR as Celery tasks: pages in, text out."""


@main.command()
@click.argument("sources", metavar="FILE|DIR|URL…", nargs=-1, required=True)
@click.option(
    "--server",
    "--url",
    "server",
    envvar="OCRCELERY_SERVER",
    default="http://127.0.0.1:8000",
    show_default=True,
    show_envvar=True,
    help="The service.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write NAME.md files into this folder; without it, the text goes to standard output.",
)
@click.option("--prompt", help="How to read; without it, the service's own prompt.")
@click.option("--format", "form", type=click.Choice(["markdown", "raw"]), default="markdown", show_default=True)
@click.option("--jobs", type=click.IntRange(1, 256), default=4, show_default=True, help="Documents at once.")
@click.option("--timeout", type=click.FloatRange(min=1), default=600, show_default=True, help="Seconds a document.")
def read(
    *,
    sources: tuple[str, ...],
    server: str,
    output: Path | None,
    prompt: str | None,
    form: str,
    jobs: int,
    timeout: float,
) -> None:
    """Read image files, folders of them and URLs, and print their text in the order given.

    The exit code is 1 if a document could not be read.
    """
    if not server.startswith(("http://", "https://")):
        raise click.BadParameter(f"{server!r} is no http address", param_hint="--server")
    documents = find(sources)
    options = {"prompt": prompt} if prompt else {}
    out = Output(documents, folder=output, raw=form == "raw")
    service = Service(server.rstrip("/"), options, timeout=timeout, form=form, warn=out.warn)
    try:
        with closing(out):
            for number, answer in _answers(documents, service, jobs):
                out.take(number, answer)
    except KeyboardInterrupt:
        service.stop()
        click.echo("\ninterrupted", err=True)
        sys.exit(130)
    sys.exit(1 if out.failed else 0)


def _answers(documents: list[Document], service: Service, jobs: int) -> Iterator[Answer]:
    """What becomes of the documents, as it becomes known. The threads are daemons: Ctrl-C must not wait for them."""
    todo: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[Answer | BaseException] = SimpleQueue()
    for number in range(len(documents)):
        todo.put(number)

    def work() -> None:
        with suppress(Empty):
            while True:
                number = todo.get_nowait()
                try:
                    done.put((number, service.read(documents[number])))
                except Failed as exc:
                    done.put((number, exc))
                except BaseException as exc:  # a bug of ours: shown by the main thread, which would wait for ever
                    done.put(exc)

    for _ in range(min(jobs, len(documents))):
        threading.Thread(target=work, daemon=True).start()
    for _ in documents:
        answer = done.get()
        if isinstance(answer, BaseException):
            raise answer
        yield answer
