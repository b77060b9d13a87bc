"""Whether hundreds of requests that wait hold up others, give their threads back, and miss no wake-up.

    python -m benchmarks.waiters [--waiters 500] [--rate 100]

Starts a Redis and the facade, and has so many callers ask with `?wait=50`, each for a page of its own. Half of them hang up. Then
the pages of the others are finished, so many a second, while the facade is asked for other things all the time. No engine is
needed. Needs Linux.
"""

import argparse
import json
import os
import selectors
import socket
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import requests

from benchmarks.facade import ROOT, free_port, reachable, running
from ocr_celery.client import Client
from ocr_celery.local.redis import find_server
from ocr_celery.settings import Settings


def ask(port: int, task_id: str) -> socket.socket:
    """Ask for a page with the longest wait; the answer is read later."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(f"GET /ocr/{task_id}?wait=50 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return sock


class OtherRequests:
    """Asks for other things, one after the other, and measures how long each takes."""

    def __init__(self, port: int) -> None:
        self.seconds: list[float] = []
        self._url = f"http://127.0.0.1:{port}/stats"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with requests.Session() as session:
            while not self._over.wait(0.01):
                began = time.perf_counter()
                session.get(self._url, timeout=60).raise_for_status()
                self.seconds.append(time.perf_counter() - began)

    def take(self) -> str:
        """What was measured since this was asked last."""
        taken, self.seconds = sorted(self.seconds), []
        at = [1000 * value for value in (statistics.median(taken), taken[int(0.99 * (len(taken) - 1))], taken[-1])]
        return f"median {at[0]:.1f} ms, 99 % {at[1]:.1f} ms, most {at[2]:.1f} ms of {len(taken)}"

    def end(self) -> None:
        """Ask no more."""
        self._over.set()
        self._thread.join()


def finish(client: Client, ids: list[str], rate: float) -> dict[str, float]:
    """Finish these pages as a worker does, so many a second; returns when each was."""
    at = {}
    for id in ids:
        meta = {"status": "SUCCESS", "result": {"text": "text"}, "task_id": id}
        at[id] = time.perf_counter()
        client._registry.transition(id, "SUCCESS", now=time.time(), meta=json.dumps(meta), meta_keep=600)
        time.sleep(1 / rate)
    return at


def receive(waiting: dict[str, socket.socket], answered: dict[str, float], seconds: float) -> None:
    """Note when each answer comes that is final."""
    with selectors.DefaultSelector() as selector:
        for id, sock in waiting.items():
            selector.register(sock, selectors.EVENT_READ, id)
        end = time.monotonic() + seconds
        while selector.get_map() and time.monotonic() < end:
            for key, _ in selector.select(1):
                piece = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if b'"completed"' in piece:
                    answered[key.data] = time.perf_counter()
                if not piece:
                    selector.unregister(key.fileobj)


def is_full(port: int, task_id: str) -> bool:
    """Whether one more finds no place to wait. (It takes one for a moment, if there is one.)"""
    answer = requests.get(f"http://127.0.0.1:{port}/ocr/{task_id}?wait=0.001", timeout=60)
    return "Retry-After" in answer.headers


def until_full(port: int, waiting: dict[str, socket.socket], probed: str) -> float:
    """Seconds until all of these wait; who met the question whether all do asks again."""
    began, calm = time.perf_counter(), 0
    while calm < 3:  # an answer may be on its way
        refused = answered_at_once(waiting)
        for id in refused:
            waiting[id].close()
            waiting[id] = ask(port, id)
        calm = calm + 1 if is_full(port, probed) and not refused else 0
        if time.perf_counter() - began > 60:
            raise SystemExit("not all places are taken within a minute")
    return time.perf_counter() - began


def answered_at_once(waiting: dict[str, socket.socket]) -> list[str]:
    """Those that have an answer already."""
    with selectors.DefaultSelector() as selector:
        for id, sock in waiting.items():
            selector.register(sock, selectors.EVENT_READ, id)
        return [key.data for key, _ in selector.select(0)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--waiters", type=int, default=500)
    parser.add_argument("--rate", type=float, default=100)
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        redis_port, port = free_port(), free_port()
        stack.enter_context(running(find_server(), "--port", str(redis_port), "--dir", folder, "--save", ""))
        reachable(redis_port)
        url = f"redis://127.0.0.1:{redis_port}/0"
        said = {"REDIS_URL": url, "OCR_HOST": "127.0.0.1", "OCR_PORT": str(port), "OCR_WEB_PROCESSES": "1"}
        said |= {"OCR_WEB_WAITS": str(args.waiters), "OCR_MAX_QUEUE_SIZE": "100000", "OCR_LOG_LEVEL": "WARNING"}
        command = [str(ROOT / ".venv/bin/python"), "-m", "gunicorn", "-c", "web/gunicorn_conf.py"]
        facade = stack.enter_context(running(*command, **said))
        reachable(port)
        measure(Client(Settings(redis_url=url, max_queue_size=100_000), service=True), port, facade, args)


def measure(client: Client, port: int, pid: int, args: argparse.Namespace) -> None:
    """One run, while other requests are measured."""
    others = OtherRequests(port)
    try:
        time.sleep(3)
        print(f"without waiters: others {others.take()}; {memory(pid):.1f} MB", flush=True)
        waiting = wait_and_hang_up(client, port, pid, args.waiters, others)
        finish_all(client, waiting, args.rate, others)
        print(f"{memory(pid):.1f} MB")
    finally:
        others.end()


def wait_and_hang_up(
    client: Client, port: int, pid: int, count: int, others: OtherRequests
) -> dict[str, socket.socket]:
    """So many wait, half of them hang up, and others take their places; returns all that wait then."""
    ids = [client.submit_url("http://a/") for _ in range(count)]
    waiting = {id: ask(port, id) for id in ids}
    seconds = until_full(port, waiting, ids[0])
    print(f"{count} wait after {seconds:.2f} s: others {others.take()}")
    time.sleep(5)
    print(f"{count} wait: others {others.take()}; {memory(pid):.1f} MB")
    for id in ids[::2]:
        waiting.pop(id).close()
    began = time.perf_counter()
    while is_full(port, ids[0]):
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    left, gone = len(waiting), len(ids[::2])
    print(f"{gone} hung up, {left} wait: a place was free after {seconds:.2f} s; others {others.take()}")
    waiting |= {id: ask(port, id) for id in [client.submit_url("http://a/") for _ in range(gone)]}
    seconds = until_full(port, waiting, ids[0])
    print(f"{gone} others wait in their places after {seconds:.2f} s; others {others.take()}")
    return waiting


def finish_all(client: Client, waiting: dict[str, socket.socket], rate: float, others: OtherRequests) -> None:
    """Finish the pages of all who wait, and measure when they are answered."""
    answered: dict[str, float] = {}
    reader = threading.Thread(target=receive, args=(waiting, answered, 60))
    reader.start()
    finished = finish(client, list(waiting), rate)
    reader.join()
    late = sorted(1000 * (answered[id] - at) for id, at in finished.items() if id in answered)
    print(f"finished at {rate:g} a second: {len(finished) - len(late)} of {len(finished)} wake-ups missed")
    print(f"from a page's end to its answer: median {statistics.median(late):.1f} ms, most {late[-1]:.1f} ms")
    print(f"meanwhile: others {others.take()}")


def memory(pid: int) -> float:
    """Megabytes that the facade's process takes."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = int(Path(f"/proc/{children[0]}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
