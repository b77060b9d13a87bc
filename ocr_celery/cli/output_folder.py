"""Where results are written as files: their names, which of them exist, and writing one whole or not at all."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
import requests

from ocr_celery.cli.input_files import InputFile
from ocr_celery.cli.output_formats import OutputFormat


class OutputFolder:
    """The files of these input files in a folder. Used from many threads."""

    def __init__(self, folder: Path, input_files: Sequence[InputFile], formats: Sequence[OutputFormat]) -> None:
        """Raises `click.UsageError` where two results would have one name, or one would replace a file that is read."""
        self._folder = folder
        taken = {file.path.resolve(): f"{file.location}, which is read" for file in input_files if file.path}
        for file in input_files:
            for format in formats:
                path = self.path(file, format)
                key = Path(os.path.normcase(path.resolve()))
                if key in taken:
                    raise click.UsageError(
                        f"{path}: the {format.name} of {file.location} would replace {taken[key]}; name another folder"
                    )
                taken[key] = f"another result of {file.location}"

    def path(self, input_file: InputFile, format: OutputFormat) -> Path:
        """The file that an input file's result is written to in this format."""
        name = input_file.output_name
        return self._folder / name.with_name(name.name + format.suffix)

    def missing(self, input_file: InputFile, formats: Sequence[OutputFormat]) -> tuple[OutputFormat, ...]:
        """The formats whose files do not exist."""
        return tuple(format for format in formats if not self.path(input_file, format).exists())

    @contextmanager
    def open(self, input_file: InputFile, format: OutputFormat) -> Iterator[BinaryIO]:
        """A file to write to, which has its name once it is whole: a program that watches the folder never sees half of it.

        Raises `click.ClickException` where it cannot be written.
        """
        path = self.path(input_file, format)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                yield file
            unfinished.replace(path)
        except requests.RequestException:  # an `OSError`, too
            raise
        except OSError as exc:
            raise click.ClickException(f"cannot write {path}: {exc.strerror}") from None
        finally:
            unfinished.unlink(missing_ok=True)
