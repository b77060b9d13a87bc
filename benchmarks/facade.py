"""How many pages a second the facade takes in, against a bare Flask view on the same gunicorn, in the same run.

    python -m benchmarks.facade [--pages 1500] [--rounds 4] [--connections 16] [--processes 2] [--threads 16]

Starts its own Redis and both apps, and sends 100 kB JPEGs over persistent connections from a process apart: bare,
facade, bare, facade, … Nothing else should run on the machine. Needs Linux (/proc).
"""

import argparse
import io
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from PIL import Image
from redis import Redis

from ocr_celery.local.redis import find_server

ROOT = Path(__file__).parent.parent
_FORM = b"----page"
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Target:
    """One app under load."""

    name: str
    port: int
    pid: int
    request: bytes


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured."""

    rate: float  #: pages accepted per second
    cpu: float  #: milliseconds of the app's processes per page
    memory: float  #: bytes of Redis per page


# -- what is sent ------------------------------------------------------------------------------------------------------


def jpeg(size: int = 100_000) -> bytes:
    """A real JPEG of about `size` bytes: small noise on white, as a scan has."""
    noise = random.Random(1)
    image = Image.frombytes("L", (620, 877), bytes(noise.randint(215, 255) for _ in range(620 * 877)))
    found = b""
    for quality in range(20, 96):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        found = out.getvalue()
        if len(found) >= size:
            break
    return found


def plain(body: bytes) -> bytes:
    """The request that the bare app takes."""
    return _request(body, b"image/jpeg")


def form(body: bytes) -> bytes:
    """The same picture as the multipart form that ours takes, with one option."""
    parts = (
        b"--" + _FORM + b'\r\nContent-Disposition: form-data; name="temperature"\r\n\r\n0.0\r\n',
        b"--" + _FORM + b'\r\nContent-Disposition: form-data; name="file"; filename="page.jpg"\r\n',
        b"Content-Type: image/jpeg\r\n\r\n" + body + b"\r\n--" + _FORM + b"--\r\n",
    )
    return _request(b"".join(parts), b"multipart/form-data; boundary=" + _FORM)


def _request(body: bytes, kind: bytes) -> bytes:
    head = b"POST /ocr HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
    return head % (kind, len(body)) + body


def send(port: int, request: bytes, pages: int, connections: int) -> float:
    """Send that many pages and return the seconds it took; raises where one is not accepted."""
    failed: list[str] = []

    def one(count: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            for _ in range(count):
                sock.sendall(request)
                answer = sock.recv(4096)
                while b"}" not in answer:
                    answer += sock.recv(4096) or b"}"
                if not answer.startswith(b"HTTP/1.1 202"):
                    failed.append(repr(answer[:300]))
                    return

    threads = [threading.Thread(target=one, args=(pages // connections,)) for _ in range(connections)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"not accepted: {failed[0]}")
    return time.perf_counter() - begin


# -- what is started ---------------------------------------------------------------------------------------------------


@contextmanager
def running(*command: str, **env: str) -> Iterator[int]:
    """A process with its output in a file, stopped afterwards; yields its id."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stdout=out, stderr=out)
        try:
            yield child.pid
        finally:
            child.terminate()
            child.wait(30)


def free_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """What a process and its children have used so far."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0.0
    for one in (pid, *children):
        fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / _TICK
    return total


def reachable(port: int) -> None:
    """Return once something listens at the port; raises `TimeoutError`."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens at port {port}")


def start(stack: ExitStack, args: argparse.Namespace, folder: Path) -> tuple[Redis, list[Target]]:
    """Redis and both apps."""
    sock = folder / "redis.sock"
    stack.enter_context(
        running(find_server(), "--port", "0", "--unixsocket", str(sock), "--save", "", "--appendonly", "no")
    )
    redis = Redis(unix_socket_path=str(sock))
    body, ports = jpeg(), (free_port(), free_port())
    env = {"REDIS_URL": f"redis+socket://{sock}", "PYTHONPATH": str(ROOT)}
    gunicorn = (sys.executable, "-m", "gunicorn")
    flags = ("-k", "gthread", "-w", str(args.processes), "--threads", str(args.threads), "-b", f"127.0.0.1:{ports[0]}")
    bare = stack.enter_context(
        running(*gunicorn, *flags, "--no-control-socket", "--preload", "benchmarks.bare:app", **env)
    )
    ours = {"OCR_PORT": str(ports[1]), "OCR_HOST": "127.0.0.1", "OCR_MAX_QUEUE_SIZE": "10000000"}
    ours |= {"OCR_WEB_PROCESSES": str(args.processes), "OCR_WEB_THREADS": str(args.threads), "OCR_LOG_FORMAT": "json"}
    facade = stack.enter_context(running(*gunicorn, "-c", "web/gunicorn_conf.py", **env, **ours))
    targets = [Target("bare", ports[0], bare, plain(body)), Target("facade", ports[1], facade, form(body))]
    for target in targets:
        reachable(target.port)
    return redis, targets


# -- the measurement ---------------------------------------------------------------------------------------------------


def measure(redis: Redis, target: Target, pages: int, connections: int) -> Round:
    """One round, on an empty Redis."""
    pages -= pages % connections
    _empty(redis)
    memory, cpu = redis.info("memory")["used_memory"], cpu_seconds(target.pid)
    with get_context("spawn").Pool(1) as pool:
        seconds = pool.apply(send, (target.port, target.request, pages, connections))
    cpu = cpu_seconds(target.pid) - cpu
    memory = redis.info("memory")["used_memory"] - memory
    _empty(redis)
    return Round(pages / seconds, cpu / pages * 1000, memory / pages)


def _empty(redis: Redis) -> None:
    """Forget everything and have the memory back before returning; Valkey would free it later."""
    redis.execute_command("FLUSHALL", "SYNC")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("pages", 1500), ("rounds", 4), ("connections", 16), ("processes", 2), ("threads", 16)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    with ExitStack() as stack:
        redis, targets = start(stack, args, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for target in targets:  # what is loaded on first use is not measured
            measure(redis, target, args.connections * 4, args.connections)
        found: dict[str, list[Round]] = {target.name: [] for target in targets}
        for number in range(args.rounds):
            for target in targets:
                one = measure(redis, target, args.pages, args.connections)
                found[target.name].append(one)
                print(f"{number + 1} {target.name:6} {one.rate:7.0f} pages/s  {one.cpu:6.2f} ms CPU/page", flush=True)
    report(found)


def report(found: dict[str, list[Round]]) -> None:
    """Medians, and ours against the bare one's."""
    rate = {name: statistics.median(r.rate for r in rounds) for name, rounds in found.items()}
    cpu = {name: statistics.median(r.cpu for r in rounds) for name, rounds in found.items()}
    memory = {name: statistics.median(r.memory for r in rounds) for name, rounds in found.items()}
    for name in found:
        kilobytes = memory[name] / 1000
        print(f"{name:8} {rate[name]:7.0f} pages/s  {cpu[name]:6.2f} ms CPU/page  {kilobytes:6.1f} kB Redis/page")
    print(
        f"ratio    {rate['facade'] / rate['bare']:.2f} of the pages/s, {cpu['facade'] / cpu['bare']:.2f} times the CPU"
    )


if __name__ == "__main__":
    main()
