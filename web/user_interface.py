"""Serves the page for people at /: to browsers only, from files of this package, under paths that change with their content.

The path of each file contains a digest of all files: browsers may cache a file without limit, and never mix two versions.
"""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import PurePosixPath

from flask import Blueprint, Response, request

from web.headers import user_interface_policy
from web.problems import PathNotFound

api = Blueprint("user_interface", __name__)

_INDEX = "index.html"
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# in index.html: what stands before the service's paths, the folder of the page's other files, and links to all modules but the
# words, so that browsers fetch them at once instead of one import after the other
_ROOT, _HERE, _PRELOADS = "{root}", "{static}", "{preloads}"


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
    text = static_files()[_INDEX].decode()
    for name, value in ((_ROOT, root), (_HERE, folder), (_PRELOADS, _preloads(folder))):
        text = text.replace(name, value)
    return Response(text, headers={**user_interface_policy(), "Cache-Control": "no-cache"}, mimetype="text/html")


def _preloads(folder: str) -> str:
    modules = [name for name in static_files() if name.endswith(".js") and not name.startswith("words_")]
    return "".join(f'<link rel="modulepreload" href="{folder}/{name}">' for name in modules)


@api.get("/static/<version>/<name>")
def static_file(version: str, name: str) -> Response:
    """A file of the page. One of another version is not found: its parts would not fit together."""
    data = static_files().get(name)
    media_type = _MEDIA_TYPES.get(PurePosixPath(name).suffix)
    if version != static_version() or data is None or media_type is None:
        raise PathNotFound
    return Response(data, headers={"Cache-Control": "public, max-age=31536000, immutable"}, mimetype=media_type)
