"""What comes of each input: the formats that the options ask for, and whether they are fetched, printed or written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ocr_celery.cli.input_files import InputFile
from ocr_celery.cli.output_folder import OutputFolder
from ocr_celery.cli.output_formats import FORMATS, WHOLE_ANSWER, OutputFormat, parse_formats

STANDARD_OUTPUT = Path("-")
#: in which form a task has its text where it is the only one that is wanted: no further request is needed
_TEXT_OF_TASK = {"md": "markdown", "raw": "raw"}


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """The same for all inputs."""

    formats: tuple[OutputFormat, ...]
    text: str  #: in which form tasks have their text: "markdown", "raw"; "" = they need none
    prints_answers: bool = False  #: see `Output`

    @property
    def are_fetched(self) -> bool:
        """Whether the formats are fetched one by one, or the text in the task is all that is wanted."""
        return not self.text


def make_plan(given: Sequence[str], *, output: Path | None, as_json: bool, inputs: int) -> ReadPlan:
    """`given`: the options `--format`. `inputs`: how many there are. Raises `click.UsageError` for what does not fit together."""
    formats = parse_formats(given) or (FORMATS["md"],)
    text = _TEXT_OF_TASK.get(formats[0].name, "") if len(formats) == 1 else ""
    has_folder = output not in (None, STANDARD_OUTPUT)
    if has_folder and as_json and given:
        return ReadPlan(formats, "", prints_answers=True)
    if as_json:
        if not text:
            raise click.UsageError("--json has the text as markdown or raw; other formats need --output FOLDER as well")
        return ReadPlan((WHOLE_ANSWER,), text, prints_answers=not has_folder)
    if not has_folder:
        _check_printable(formats, asked_for=output is not None, inputs=inputs)
    return ReadPlan(formats, text)


def _check_printable(formats: Sequence[OutputFormat], *, asked_for: bool, inputs: int) -> None:
    names = ", ".join(form.name for form in formats)
    if len(formats) > 1:
        raise click.UsageError(f"--format {names}: several formats need --output FOLDER")
    if formats[0].is_printable or (asked_for and inputs == 1):
        return
    alone = "one input at a time goes to standard output" if asked_for else "for one input also --output -"
    raise click.UsageError(f"--format {names} needs --output FOLDER ({alone})")


def formats_of(
    input_files: Sequence[InputFile], plan: ReadPlan, folder: OutputFolder | None, *, skip_existing: bool
) -> dict[InputFile, tuple[OutputFormat, ...]]:
    """The formats that each input is wanted in; those of which all files exist are left out, if so wished."""
    if folder is None or not skip_existing:
        return dict.fromkeys(input_files, plan.formats)
    missing = {input_file: folder.missing(input_file, plan.formats) for input_file in input_files}
    return {input_file: formats for input_file, formats in missing.items() if formats}
