"""Where this service stands as its callers see it: behind which proxies, and below which path.

A caller writes whatever headers it likes, so that X-Forwarded-… counts only where a proxy that is named has sent it
(OCR_TRUSTED_PROXIES). The path below which the service is found is OCR_ROOT_PATH, which may still stand in front of the path,
or else comes from such a proxy (X-Forwarded-Prefix, which it has cut off).
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
    """A WSGI application that is found below a path, and behind these proxies.

    `own_segments`: the first parts of its own paths, as a root path may have the name of one.
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
            environ.pop("HTTP_X_FORWARDED_PREFIX", None)  # a proxy may pass on what its caller wrote
            environ["SCRIPT_NAME"] = self._root_path
            environ["PATH_INFO"] = self._strip_root_path(environ.get("PATH_INFO", ""))
        return app(environ, start_response)

    def _strip_root_path(self, path: str) -> str:
        """The path without the root path, where it still has it: below /ocr, /ocr/docs is /docs and /ocr/url is itself."""
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
    """What a proxy passes on may still be its caller's: only what can stand in a path or an address is taken."""
    prefix = _nearest_value(environ, "HTTP_X_FORWARDED_PREFIX").rstrip("/")
    environ["HTTP_X_FORWARDED_PREFIX"] = prefix if _PATH.fullmatch(prefix) else ""
    if not _HOST.fullmatch(_nearest_value(environ, "HTTP_X_FORWARDED_HOST")):
        environ.pop("HTTP_X_FORWARDED_HOST", None)
    if _nearest_value(environ, "HTTP_X_FORWARDED_PROTO") not in ("http", "https"):
        environ.pop("HTTP_X_FORWARDED_PROTO", None)


def _nearest_value(environ: dict[str, Any], name: str) -> str:
    """The value that the nearest proxy added."""
    return str(environ.get(name, "")).rpartition(",")[2].strip()
