"""Which documents the arguments of `ocr-celery read` mean, and under which names their texts are kept."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

import click

_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"),
    *(".heic", ".heif", ".avif", ".jp2", ".j2k", ".jpx"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One document to be read."""

    source: str  #: as the user wrote it, or found in a folder that the user named
    path: Path | None  #: None: `source` is a URL
    name: PurePath  #: where its text goes in the output folder, without an ending; unique


def find(sources: Iterable[str]) -> list[Document]:
    """Files and URLs as given, folders with all images below them, sorted. Raises `click.UsageError`."""
    found: list[Document] = []
    taken: set[str] = set()
    for source in sources:
        for text, path, name in _meant(source):
            found.append(Document(text, path, _unique(name, taken)))
    return found


def _meant(source: str) -> list[tuple[str, Path | None, PurePath]]:
    if re.match(r"https?://", source, re.IGNORECASE):
        return [(source, None, _name_of_url(source))]
    path = Path(source)
    if path.is_file():
        return [(source, path, PurePath(path.stem))]
    if not path.is_dir():
        raise click.UsageError(f"{source}: no such file or folder")
    files = sorted(p for p in path.rglob("*") if not _hidden(p.relative_to(path)) and p.is_file())
    images = [p for p in files if p.suffix.lower() in _ENDINGS]
    others = [str(p.relative_to(path)) for p in files if p not in images]
    left_out = f"{', '.join(others[:5])}{', …' if len(others) > 5 else ''}"
    if not images:
        raise click.UsageError(f"{source}: no image in this folder" + (f", but {left_out}" if others else ""))
    if others:
        click.echo(f"{source}: left out what is no image: {left_out}", err=True)
    return [(str(p), p, p.relative_to(path).with_suffix("")) for p in images]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _name_of_url(url: str) -> PurePath:
    try:
        parts = urlsplit(url)
        last = PurePath(unquote(parts.path)).stem or parts.hostname or ""
    except ValueError:  # the service will say what is wrong with it
        last = ""
    return PurePath(re.sub(r"[^\w.\- ]", "_", last)[:100].strip(". ") or "page")


def _unique(name: PurePath, taken: set[str]) -> PurePath:
    """The name, or the name with a number; upper and lower case are one to some file systems."""
    chosen, number = name, 1
    while str(chosen).casefold() in taken:
        number += 1
        chosen = name.with_name(f"{name.name}-{number}")
    taken.add(str(chosen).casefold())
    return chosen
