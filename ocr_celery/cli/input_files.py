"""Expands the arguments of `ocr-celery read` into files to read, each with a unique name for its text."""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

import click

_READ_SUFFIXES = (
    ".pdf",
    *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"),
    *(".heic", ".heif", ".avif", ".jp2", ".j2k", ".jpx"),
)
#: files in formats that are not read
_UNSUPPORTED_SUFFIXES = (
    *(".ps", ".eps", ".djvu", ".djv", ".xps", ".oxps", ".epub", ".cbz", ".svg", ".psd", ".jxl", ".dng"),
    *(".doc", ".docx", ".odt", ".rtf", ".ppt", ".pptx", ".odp", ".xls", ".xlsx", ".ods", ".pages", ".key"),
)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read: on this machine, at a URL, or standard input."""

    location: str  #: as written by the user, or found in a named folder; "-" is standard input
    path: Path | None  #: None: `location` is a URL or standard input
    output_name: PurePath  #: where its text goes in the output folder, without a suffix; unique


@dataclass(frozen=True, slots=True)
class _Found:
    location: str
    path: Path | None
    stem: PurePath  #: its path in the named folder, without its suffix
    suffix: str = ""


def find_input_files(
    arguments: Iterable[str], left_out: list[Path] | None = None, *, output: Path | None = None
) -> list[InputFile]:
    """Files and URLs as given, folders with all images and PDFs below them, patterns (`scans/**/*.pdf`), sorted.

    `left_out` gets the files of folders and patterns whose format is known and not read. `output`: a folder that results are
    written to; where it lies in one of those, its files are not read. Raises `click.UsageError`.
    """
    found: list[_Found] = []
    search = _Search([] if left_out is None else left_out, output.resolve() if output else None)
    for argument in arguments:
        found += _expand(argument, search)
    return [InputFile(f.location, f.path, name) for f, name in zip(found, _unique_names(found), strict=True)]


@dataclass(frozen=True, slots=True)
class _Search:
    """What is known while folders and patterns are looked through."""

    left_out: list[Path]
    output: Path | None

    def passes_over(self, path: Path, root: Path) -> bool:
        """Whether a file below this root is a result of an earlier run."""
        output = self.output
        return output is not None and output != root.resolve() and path.resolve().is_relative_to(output)


def _expand(location: str, search: _Search) -> list[_Found]:
    if location == "-":
        return [_Found(location, None, PurePath("stdin"))]
    if re.match(r"https?://", location, re.IGNORECASE):
        return [_Found(location, None, *_url_name(location))]
    path = Path(location)
    if path.is_dir():
        return _expand_folder(location, path, search)
    if path.exists():
        return [_Found(location, path, PurePath(path.stem), path.suffix)]
    if glob.has_magic(location):
        files = sorted(Path(name) for name in glob.iglob(location, recursive=True) if Path(name).is_file())
        return _those_to_read(location, _root(path), files, search)
    raise click.UsageError(f"{location}: no such file or folder")


def _root(pattern: Path) -> Path:
    """The folder in front of the first wildcard: what is found is mirrored from there."""
    fixed = takewhile(lambda part: not glob.has_magic(part), pattern.parts)
    return Path(*fixed)


def _expand_folder(location: str, path: Path, search: _Search) -> list[_Found]:
    files = sorted(p for p in path.rglob("*") if not _is_hidden(p.relative_to(path)) and p.is_file())
    return _those_to_read(location, path, files, search)


def _those_to_read(location: str, root: Path, files: list[Path], search: _Search) -> list[_Found]:
    files = [p for p in files if not search.passes_over(p, root)]
    read = [p for p in files if p.suffix.lower() in _READ_SUFFIXES]
    others = [p for p in files if p.suffix.lower() not in _READ_SUFFIXES]
    named = ", ".join([str(p.relative_to(root)) for p in others[:5]] + ["…"] * (len(others) > 5))
    if not read:
        where = "in this folder" if root == Path(location) else "fits this pattern"
        raise click.UsageError(f"{location}: no image or PDF {where}" + (f", but {named}" if others else ""))
    if others:
        click.echo(f"{location}: left out, neither image nor PDF: {named}", err=True)
    search.left_out.extend(p for p in others if p.suffix.lower() in _UNSUPPORTED_SUFFIXES)
    return [_Found(str(p), p, p.relative_to(root).with_suffix(""), p.suffix) for p in read]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _url_name(url: str) -> tuple[PurePath, str]:
    """A file name from the last part of the URL's path or from its host, and its suffix."""
    try:
        parts = urlsplit(url)
        last = PurePath(unquote(parts.path))
        name, suffix = (last.stem, last.suffix) if last.stem else (parts.hostname or "", "")
    except ValueError:  # the service reports what is wrong with the URL
        name = suffix = ""
    suffix = suffix if re.fullmatch(r"\.\w{1,8}", suffix) else ""
    return PurePath(re.sub(r"[^\w.\- ]", "_", name)[:100].strip(". ") or "page"), suffix


def _unique_names(found: Sequence[_Found]) -> list[PurePath]:
    """A unique name for each file, independent of the order of the arguments where possible.

    First, the path in the named folder. If two are equal, all get the folders in which they differ (x/a, y/a). Names that
    are still equal keep their suffixes (a.png, a.jpg), and if that is not enough, they get a number.
    """
    names = [f.stem for f in found]
    if len(set(map(_case_key, names))) < len(names):
        names = _names_with_folders(found)
        seen = Counter(map(_case_key, names))
        names = [
            n.with_name(n.name + f.suffix) if seen[_case_key(n)] > 1 else n for n, f in zip(names, found, strict=True)
        ]
    taken: set[str] = set()
    return [_numbered(name, taken) for name in names]


def _names_with_folders(found: Sequence[_Found]) -> list[PurePath]:
    """Paths below the innermost folder common to all files; URLs and standard input keep their names."""
    folders = [f.path.absolute().parent if f.path else None for f in found]
    below = [str(folder) for folder in folders if folder]
    common = os.path.commonpath(below) if below else ""
    return [
        folder.relative_to(common) / f.stem.name if folder else f.stem for folder, f in zip(folders, found, strict=True)
    ]


def _case_key(name: PurePath) -> str:
    """Equal for names that some file systems do not tell apart."""
    return str(name).casefold()


def _numbered(name: PurePath, taken: set[str]) -> PurePath:
    """The name, or the name with a number where it is taken."""
    chosen, number = name, 1
    while _case_key(chosen) in taken:
        number += 1
        chosen = name.with_name(f"{name.name}-{number}")
    taken.add(_case_key(chosen))
    return chosen
