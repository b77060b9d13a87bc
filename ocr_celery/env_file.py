"""Refuses a `.env` with a line that python-dotenv would skip with a warning only, so that its setting would be lost."""

from pathlib import Path

from dotenv.parser import parse_stream

from ocr_celery.settings import SettingsError


def check_env_file(path: Path = Path(".env")) -> None:
    """Raises `SettingsError`, which names the first line that cannot be parsed, never its text: it may be a secret."""
    if not path.is_file():  # python-dotenv reads no folder of that name; a pipe could be read only once
        return
    try:
        with path.open(encoding="utf-8") as stream:
            wrong = next((found.original for found in parse_stream(stream) if found.error), None)
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path} cannot be read: {reason}") from None
    if wrong:
        line = wrong.line + len(wrong.string) - len(wrong.string.lstrip("\n"))
        raise SettingsError(f"{path} line {line} cannot be parsed: write NAME=VALUE, or # before a comment")
