"""Asks the facade whether a page that is sent now would be read."""

import asyncio
import time

import requests

from ocr_celery.local.console import print_line

_REPORT_INTERVAL = 20.0  #: seconds between two lines that say what is still missing


async def wait_until_ready(facade_url: str) -> None:
    """Return once GET /ready answers 200; say what is missing from time to time."""
    reported = time.monotonic()
    while (reason := await asyncio.to_thread(_not_ready_reason, facade_url)) is not None:
        if reason and time.monotonic() - reported > _REPORT_INTERVAL:
            reported = time.monotonic()
            print_line(f"not ready yet: {reason}")
        await asyncio.sleep(0.2)


def _not_ready_reason(facade_url: str) -> str | None:
    """Why a page would not be read yet ("": the facade gives no reason); None: it would."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # the facade is on this machine: never through a proxy of the environment
            answer = session.get(f"{facade_url}/ready", timeout=5)
        if answer.status_code == 200:
            return None
        body = answer.json()
        return str(body.get("detail") or body.get("message") or "")
    except (requests.RequestException, ValueError, AttributeError):
        return "the facade does not answer"
