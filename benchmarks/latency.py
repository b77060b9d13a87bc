"""How long one page on an idle service takes over HTTP beyond what its engine needs, with default settings.

    .venv-vllm/bin/python -m benchmarks.latency [--engine scripted|vllm] [--pages 10]

Starts a Redis, a worker and the facade (with .venv, made by `make install`), sends a page, asks for it every 10 ms until it is
read, and sends the next.
"""

import argparse
import statistics
import time

import requests
from facade import ROOT, free_port, reachable, running

from benchmarks.worker import checkpoint, png, service
from ocr_celery.client import Client

_ASK = 0.01  #: seconds between two questions


def read(url: str, prompt: str) -> tuple[float, float]:
    """Send a page and wait for it: seconds in all, and of reading."""
    began = time.monotonic()
    sent = requests.post(f"{url}/ocr", files={"file": png(200, 150)}, data={"prompt": prompt}, timeout=10)
    place = f"{url}/ocr/{sent.json()['task_id']}?details=true"
    while (answer := requests.get(place, timeout=10).json())["status"] not in ("completed", "failed"):
        time.sleep(_ASK)
    return time.monotonic() - began, answer["details"]["seconds"]["read"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--engine", default="vllm", choices=["vllm", "scripted"])
    parser.add_argument("--pages", type=int, default=10)
    args = parser.parse_args()
    port = free_port()
    with (
        checkpoint() as model,
        service(model, OCR_ENGINE=args.engine, OCR_BATCH_SIZE=8) as (client, _),
        running(*facade(), **environment(client, port)),
    ):
        reachable(port)
        url = f"http://127.0.0.1:{port}"
        read(url, "Free OCR.")  # what is made on first use is not measured
        found = [read(url, "Free OCR.") for _ in range(args.pages)]
    beyond = sorted(whole - reading for whole, reading in found)
    reading = statistics.median(reading for _, reading in found)
    print(
        f"{args.engine}: {statistics.median(beyond):.3f} s beyond the {reading:.3f} s of reading, at most {beyond[-1]:.3f} s"
    )


def facade() -> list[str]:
    """The facade's command."""
    return [str(ROOT / ".venv/bin/python"), "-m", "gunicorn", "-c", "web/gunicorn_conf.py"]


def environment(client: Client, port: int) -> dict[str, str]:
    """The facade's settings."""
    given = {"REDIS_URL": client.settings.redis_url, "OCR_HOST": "127.0.0.1", "OCR_PORT": str(port)}
    return {**given, "PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    main()
