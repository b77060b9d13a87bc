"""A page in Chromium that is watched: what it asks of other hosts, what its console says, which lines of its scripts run."""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 30_000  #: ms for what takes one
_FOREIGN = re.compile(
    r"^(?!blob:|data:|https?://(127\.0\.0\.1|ocr\.test)[:/])"
)  # a pattern: own requests go on by themselves
_STATIC = Path(__file__).parents[2] / "web" / "static"


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *arguments])
        try:
            yield browser
        finally:
            browser.close()


class WatchedPage:
    """A page. `errors`: what its console said; `foreign`: what it asked of other hosts than its own, which is refused.

    `allows`: the beginning of what its console may say.
    """

    def __init__(self, context: BrowserContext, lines: "RunLines | None" = None, *, allows: str = "") -> None:
        self._allowed = ("Failed to load resource", *([allows] if allows else []))
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self._lines = lines
        context.route(_FOREIGN, self._refuse)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)
        self._session = lines.start(self.page) if lines else None

    def _refuse(self, route: Route) -> None:
        self.foreign.append(route.request.url)
        route.abort()

    def _note(self, line: ConsoleMessage) -> None:
        # the browser itself says each request that was refused; tests of refusals ask for those
        if line.type in ("error", "warning") and not line.text.startswith(self._allowed):
            self.errors.append(line.text)

    def end(self) -> None:
        """Close it; nothing foreign was asked, and the console is clean."""
        if self._lines and self._session:
            self._lines.take(self._session)
        self.page.close()
        assert self.foreign == []
        assert self.errors == [], "\n".join(self.errors)


class RunLines:
    """Which lines of the page's scripts were run, over all pages that are watched."""

    def __init__(self) -> None:
        self._run: dict[str, set[int]] = defaultdict(set)

    def start(self, page: Page) -> Any:
        """Watch a page before it loads anything."""
        session = page.context.new_cdp_session(page)
        session.send("Profiler.enable")
        session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})
        return session

    def take(self, session: Any) -> None:
        """Note what was run."""
        for script in session.send("Profiler.takePreciseCoverage")["result"]:
            name = script["url"].rpartition("/")[2].partition("?")[0]
            if "/static/" in script["url"] and (_STATIC / name).is_file():
                self._run[name] |= _lines_run((_STATIC / name).read_text(), script["functions"])

    def summary(self) -> tuple[int, int, dict[str, list[int]]]:
        """Lines of code, how many were never run, and which of each file."""
        total, never = 0, {}
        for file in sorted(_STATIC.glob("*.js")):
            lines = {n for n, text in enumerate(file.read_text().splitlines(), 1) if _is_code(text)}
            total += len(lines)
            if missed := sorted(lines - self._run[file.name]):
                never[file.name] = missed
        return total, sum(map(len, never.values())), never


def _is_code(line: str) -> bool:
    stripped = line.strip()
    return bool(stripped.strip("{}()[];,")) and not stripped.startswith(("//", "/*", "*"))


def _lines_run(text: str, functions: list[dict[str, Any]]) -> set[int]:
    """The lines of which the beginning was run: the innermost range that holds it says so. Offsets are of UTF-16."""
    ranges = [r for function in functions for r in function["ranges"]]
    ranges.sort(key=lambda r: r["startOffset"] - r["endOffset"])  # the widest first
    units = len(text.encode("utf-16-le")) // 2
    counts = [0] * (units + 1)
    for r in ranges:
        counts[r["startOffset"] : r["endOffset"]] = [r["count"]] * (r["endOffset"] - r["startOffset"])
    found, at = set(), 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if counts[at + len(line) - len(line.lstrip())]:
            found.add(number)
        at += len(line.encode("utf-16-le")) // 2
    return found


def wants_coverage() -> bool:
    """Whether the lines that were run are to be shown."""
    return bool(os.environ.get("PAGE_COVERAGE"))
