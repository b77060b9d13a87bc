"""Reads folders of documents through a running service and scores the answers: `make score`.

    python -m benchmarks.accuracy FOLDER… [--server URL] [--out FOLDER] [--scorer FILE]

A FOLDER holds manifest.json, a list of {"file", "kind", "truth", "expect", …}. Documents go in over HTTP as uploads and come
out as markdown, which the scorer compares with the truth; a file of several pages is one request, too, and its pages have to come
in their order. Files of the kind "hostile" go in as they are and must end as their `expect` says (ok,
ok-empty, reject, ok-or-reject), with a good page sent beside each of them that must be read; then the same files by URL, one
by one and as a batch (a service given by --server must allow 127.0.0.1: OCR_URL_ALLOW). Without --server a service
is started for it as `make run` does. For each folder one line says recall, CER, flow and the tables found and invented
(see `layout_scores`). The exit code is 1 when a bar is missed.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import click
import requests

from benchmarks.layout_scores import PageScore, score_page, summary

ROOT = Path(__file__).parent.parent
MIN_RECALL, MAX_MEDIAN_CER = 0.95, 0.05
MOST_MEMORY = 2 * 1024**3  #: bytes a worker may ever have resident
_PAGE_MARK = re.compile(r"<!-- page (\d+) -->\n\n")
_GOOD = "hostile/polyglot.jpg"  #: a page that must be read whatever its neighbours are

Entry = dict[str, Any]


class Service:
    """A running service over HTTP."""

    def __init__(self, server: str) -> None:
        self.server = server.rstrip("/")
        self.session = requests.Session()
        self.session.trust_env = False

    def read(self, name: str, data: bytes) -> tuple[int, Entry]:
        """The refusal of an upload, or the finished task; with the status code."""
        return self._finished("/ocr", "/ocr/", files={"file": (name, data)})

    def read_url(self, url: str) -> tuple[int, Entry]:
        """The same for a URL."""
        return self._finished("/ocr/url", "/ocr/", json={"url": url})

    def read_urls(self, urls: list[str]) -> list[Entry]:
        """The finished items of a batch."""
        return list(self._finished("/ocr/url/batch", "/ocr/batch/", json={"urls": urls})[1]["results"])

    def _finished(self, path: str, where: str, **request: Any) -> tuple[int, Entry]:
        while True:
            answer = self.session.post(self.server + path, timeout=60, **request)
            if answer.status_code != 503:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.status_code != 202:
            return answer.status_code, answer.json()
        (id,) = (value for name, value in answer.json().items() if name.endswith("task_id"))
        while True:
            task = self.session.get(self.server + where + id, timeout=60).json()
            if task["status"] in ("completed", "failed"):
                return 202, task
            time.sleep(0.1)


@contextmanager
def running(server: str | None) -> Iterator[tuple[str, int | None]]:
    """The given service, or one started for this on a free port: its URL, and the process id of `make run`'s own process."""
    if server:
        yield server, None
        return
    from tests.testlib.local_service import LocalService

    with tempfile.TemporaryDirectory() as folder, LocalService(Path(folder), OCR_URL_ALLOW="127.0.0.1") as local:
        yield local.url, local.worker_pid()


def _without_marks(text: str) -> tuple[str, list[int]]:
    """The text of a document without the lines before its pages, which no reader sees, and their numbers; [] for an image."""
    return _PAGE_MARK.sub("", text), [int(number) for number in _PAGE_MARK.findall(text)]


def documents(service: Service, folder: Path, entries: list[Entry], out: Path) -> list[str]:
    """Read every document that has a truth into `out`; answers what went wrong."""
    wanted = [e for e in entries if e["kind"] not in ("hostile", "upload-name") and e.get("truth")]
    wrong = []

    def one(entry: Entry) -> tuple[str, int, Entry]:
        path = folder / entry["file"]
        return entry["file"], *service.read(path.name, path.read_bytes())

    with ThreadPoolExecutor(4) as threads, _bar("documents", len(wanted)) as bar:
        for file, status, task in threads.map(one, wanted):
            bar.update(1)
            text, numbers = _without_marks(str(task.get("result", "")))
            (out / f"{Path(file).name}.md").write_text(text, encoding="utf-8")
            total = (task.get("pages") or {}).get("total", 0)
            if task.get("status") != "completed" or numbers != list(range(1, total + 1)):
                wrong.append(f"{file}: {status}, pages {numbers} of {total}, {task}")
    return wrong


def hostile(service: Service, folder: Path, entries: list[Entry]) -> list[str]:
    """Send every hostile file beside a good page; answers which did not end as expected."""
    wrong = []
    wanted = [e for e in entries if e["kind"] in ("hostile", "upload-name")]
    with ThreadPoolExecutor(2) as threads, _bar("hostile files", len(wanted)) as bar:
        for entry in wanted:
            path = folder / entry["file"]
            name = entry.get("upload_name", path.name)
            bad = threads.submit(service.read, name, path.read_bytes())
            good = threads.submit(service.read, "good.jpg", (folder / _GOOD).read_bytes())
            said = _against(entry["expect"], *bad.result())
            if said:
                wrong.append(f"{entry['file']} ({name!r}): {said}")
            if not good.result()[1].get("result"):
                wrong.append(f"a good page beside {entry['file']}: {good.result()[1]}")
            bar.update(1)
    return wrong


def hostile_urls(service: Service, folder: Path, entries: list[Entry]) -> list[str]:
    """Have every hostile file fetched, by itself and all in one batch; answers which did not end as expected."""
    wanted = [e for e in entries if e["kind"] == "hostile"]
    wrong = []
    with _served(folder) as origin, _bar("hostile files by URL", len(wanted)) as bar:
        urls = [f"{origin}/{quote(entry['file'])}" for entry in wanted]
        for entry, url in zip(wanted, urls, strict=True):
            if said := _against(entry["expect"], *service.read_url(url)):
                wrong.append(f"{entry['file']} by URL: {said}")
            bar.update(1)
        *items, good = service.read_urls([*urls, f"{origin}/{_GOOD}"])
    for entry, item in zip(wanted, items, strict=True):
        if said := _against(entry["expect"], 202, item):
            wrong.append(f"{entry['file']} in a batch: {said}")
    return wrong if good.get("result") else [*wrong, f"a good page in a batch of bad ones: {good}"]


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """The folder as a web server of this machine, for as long as this is entered: its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _against(expect: str, status: int, task: Entry) -> str:
    """What differs from the expectation; "" if nothing does."""
    text = str(task.get("result", "")).strip()
    if task.get("status") == "completed":
        fits = expect in ("ok", "ok-or-reject") or (expect == "ok-empty" and not text)
        return "" if fits else f"was read as {text[:60]!r}, wanted {expect}"
    refused = 400 <= status < 500 or task.get("status") == "failed"
    if not refused or not task.get("code") or task.get("code") == "internal_error":
        return f"ended with {status} {task}"
    return "" if "reject" in expect else f"was refused ({task['code']}), wanted {expect}"


def peak_memory(pid: int) -> int:
    """The most memory a process ever had resident, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def _bar(label: str, length: int) -> Any:
    return click.progressbar(length=length, label=label, file=sys.stderr)


def score_pages(scorer: ModuleType, folder: Path, entries: list[Entry], out: Path) -> list[PageScore]:
    """The score of each document that has a truth, from the texts in `out`."""
    return [
        score_page(
            scorer,
            entry,
            (folder / entry["truth"]).read_text(encoding="utf-8"),
            (out / f"{Path(entry['file']).name}.md").read_text(encoding="utf-8"),
        )
        for entry in entries
        if entry["kind"] not in ("hostile", "upload-name") and entry.get("truth")
    ]


def load_scorer(file: Path) -> ModuleType:
    """The shared scorer as a module."""
    spec = importlib.util.spec_from_file_location("scorer", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_set(service: Service, folder: Path, out: Path, scorer: Path) -> tuple[list[str], bool]:
    """Read and score one folder; answers what went wrong, and whether a bar was missed."""
    manifest = folder / "manifest.json"
    entries: list[Entry] = json.loads(manifest.read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    wrong = documents(service, folder, entries, out)
    print(f"documents: {time.monotonic() - began:.0f} s")
    if any(e["kind"] in ("hostile", "upload-name") for e in entries):
        wrong += hostile(service, folder, entries)
        wrong += hostile_urls(service, folder, entries)
    bars = ("--min-mean-recall", str(MIN_RECALL), "--max-median-cer", str(MAX_MEDIAN_CER))
    missed = subprocess.run([sys.executable, str(scorer), str(manifest), str(out), *bars], check=False).returncode
    print(f"{folder.name}: {summary(score_pages(load_scorer(scorer), folder, entries, out))}")
    return wrong, missed != 0


def main() -> int:
    """0 when every bar is reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--server")
    parser.add_argument("--out", type=Path, help="the texts go into a subfolder of it for each FOLDER")
    parser.add_argument("--scorer", type=Path, help="default: ../../tools/score_cer.py seen from FOLDER")
    args = parser.parse_args()
    wrong, missed = [], False
    with running(args.server) as (server, worker), tempfile.TemporaryDirectory() as temporary:
        service = Service(server)
        for folder in args.folders:
            scorer = args.scorer or folder / "../../tools/score_cer.py"
            said, below = read_set(service, folder, (args.out or Path(temporary)) / folder.name, scorer)
            wrong += said
            missed = missed or below
        if worker:
            memory = peak_memory(worker)
            print(f"worker: pid {worker} to the end, at most {memory / 1024**2:.0f} MiB resident")
            wrong += [f"the worker had {memory} bytes"] if memory > MOST_MEMORY else []
    for line in wrong:
        print(f"wrong: {line}")
    print(f"{len(wrong)} of the files did not end as they should; accuracy {'below the bar' if missed else 'reached'}")
    return 1 if wrong or missed else 0


if __name__ == "__main__":
    os.environ.pop("REDIS_URL", None)
    sys.exit(main())
