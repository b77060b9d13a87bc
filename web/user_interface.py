"""Serves the page for people at /: to browsers only, from files of this package, under paths that change with their content.

The path of each file contains a digest of all files: browsers may cache a file without limit, and never mix two versions. The
page preloads what its first view imports, so that browsers do not fetch one import after the other; other modules follow later.
"""

import gzip
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath

from flask import Blueprint, Response, request

from web.headers import user_interface_policy
from web.problems import PathNotFound

api = Blueprint("user_interface", __name__)

_INDEX, _FIRST_MODULE = "index.html", "app.js"
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_IMPORT = re.compile(r'^import [^"]*"\./([\w.]+)";', re.MULTILINE)  # not import(…), which is for later


@cache
def static_files() -> dict[str, bytes]:
    """The page's files by name."""
    found = (file for file in files("web").joinpath("static").iterdir() if file.is_file())
    return {file.name: file.read_bytes() for file in sorted(found, key=lambda file: file.name)}


@cache
def static_version() -> str:
    """A digest of all files of the page, part of their paths."""
    digest = sha256()
    for name, data in static_files().items():
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()[:16]


def is_for_people() -> bool:
    """Whether the current request rather wants HTML than JSON, as those of browsers do."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def start_page() -> Response:
    """The page itself. Browsers revalidate it each time, and it names the current version of its files."""
    # below a root path the page may have been asked for without its slash; where none is known, what is relative works below any
    root = f"{request.script_root}/" if request.script_root else ""
    folder = f"{root}static/{static_version()}"
    first = _first_modules()
    later = [name for name in static_files() if name.endswith(".js") and name not in first]
    links = {"first": _preloads(folder, first), "later": _preloads(folder, later)}
    text = static_files()[_INDEX].decode()
    for name, value in {"root": root, "static": folder, **links}.items():
        text = text.replace(f"{{{name}}}", value)
    return Response(text, headers={**user_interface_policy(), "Cache-Control": "no-cache"}, mimetype="text/html")


def _preloads(folder: str, modules: list[str]) -> str:
    return "".join(f'<link rel="modulepreload" href="{folder}/{name}">' for name in modules)


@cache
def _first_modules() -> list[str]:
    """The modules that have to be there before anything is drawn: the first one, and all that it imports."""
    found = [_FIRST_MODULE]
    for name in found:
        found += [other for other in _IMPORT.findall(static_files()[name].decode()) if other not in found]
    return found


@api.get("/static/<version>/<name>")
def static_file(version: str, name: str) -> Response:
    """A file of the page. One of another version is not found: its parts would not fit together."""
    data = static_files().get(name)
    media_type = _MEDIA_TYPES.get(PurePosixPath(name).suffix)
    if version != static_version() or data is None or media_type is None:
        raise PathNotFound
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if request.accept_encodings["gzip"]:
        return Response(_compressed(name), headers={**headers, "Content-Encoding": "gzip"}, mimetype=media_type)
    return Response(data, headers=headers, mimetype=media_type)


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(static_files()[name], mtime=0)
