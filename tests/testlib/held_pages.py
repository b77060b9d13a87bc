"""Keeps pages in the scripted engine until a test lets them go (OCR_SCRIPTED_HOLD)."""

from pathlib import Path


class HeldPages:
    """Pages by the width of their pictures. `folder`: as the worker has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hold(self, *widths: int) -> None:
        """Keep pages of these widths inside."""
        for width in widths:
            (self._folder / str(width)).touch()

    def release(self, *widths: int) -> None:
        """Let pages of these widths go."""
        for width in widths:
            (self._folder / str(width)).unlink()

    def release_all(self) -> None:
        """Let all pages go."""
        for file in self._folder.iterdir():
            file.unlink()
