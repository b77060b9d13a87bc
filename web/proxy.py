"""Restores the address that a caller used, behind trusted proxies and below a root path.

Any caller can write X-Forwarded-… headers, so they count only from a proxy in OCR_TRUSTED_PROXIES. The root path is
OCR_ROOT_PATH, which a proxy may have removed from the path or not, or else the X-Forwarded-Prefix of such a proxy.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Network = IPv4Network | IPv6Network

_FORWARDED = tuple(f"HTTP_X_FORWARDED_{name}" for name in ("FOR", "PROTO", "HOST", "PORT", "PREFIX"))
_PATH = re.compile(r"(/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")


class BehindProxy:
    """A WSGI application below a root path and behind proxies.

    `own_segments`: the first segments of its own paths, since a root path may be equal to one.
    """

    def __init__(
        self, app: Application, *, root_path: str, proxies: Sequence[Network], own_segments: Collection[str] = ()
    ) -> None:
        self._app = app
        self._fixed = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
        self._root_path = root_path
        self._proxies = proxies
        self._own_segments = own_segments

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        app = self._app
        if self._proxies and self._is_trusted_proxy(environ.get("REMOTE_ADDR", "")):
            _drop_malformed(environ)
            app = self._fixed
        else:
            for name in _FORWARDED:
                environ.pop(name, None)
        if self._root_path:
            environ.pop("HTTP_X_FORWARDED_PREFIX", None)  # a proxy may forward what its caller wrote
            environ["SCRIPT_NAME"] = self._root_path
            environ["PATH_INFO"] = self._strip_root_path(environ.get("PATH_INFO", ""))
        return app(environ, start_response)

    def _strip_root_path(self, path: str) -> str:
        """The path without the root path, if it has one: with the root path /ocr, /ocr/docs is /docs and /ocr/url stays."""
        rest = path.removeprefix(self._root_path)
        if rest == path or not rest.startswith("/"):
            names_own_path = self._root_path.split("/")[1] in self._own_segments
            return path if rest or names_own_path else "/"
        return rest if rest == "/" or rest.split("/")[1] in self._own_segments else path

    def _is_trusted_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:  # a Unix socket has none
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._proxies)


def _drop_malformed(environ: dict[str, Any]) -> None:
    """Drop values that cannot be a path or an address: a proxy may forward what its caller wrote."""
    prefix = _nearest_value(environ, "HTTP_X_FORWARDED_PREFIX").rstrip("/")
    environ["HTTP_X_FORWARDED_PREFIX"] = prefix if _PATH.fullmatch(prefix) else ""
    if not _HOST.fullmatch(_nearest_value(environ, "HTTP_X_FORWARDED_HOST")):
        environ.pop("HTTP_X_FORWARDED_HOST", None)
    if _nearest_value(environ, "HTTP_X_FORWARDED_PROTO") not in ("http", "https"):
        environ.pop("HTTP_X_FORWARDED_PROTO", None)


def _nearest_value(environ: dict[str, Any], name: str) -> str:
    """The value that the nearest proxy added."""
    return str(environ.get(name, "")).rpartition(",")[2].strip()
