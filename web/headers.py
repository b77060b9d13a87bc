"""Adds the security headers to every answer.

Strict-Transport-Security is left to the proxy that terminates TLS: this server does not know whether there is one.
"""

from collections.abc import Callable, Iterable
from typing import Any

_POLICY = "Content-Security-Policy"

#: of every answer; an answer may set its own Content-Security-Policy, as /docs does
SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    (_POLICY, "default-src 'none'; frame-ancestors 'none'"),
)


def docs_policy() -> dict[str, str]:
    """The Content-Security-Policy of /docs: scripts, styles and images from this server only."""
    return _page_policy("img-src 'self' data:")


def user_interface_policy() -> dict[str, str]:
    """The Content-Security-Policy of /: this server only, nothing inline, and text becomes HTML in one place of one module."""
    return _page_policy("img-src 'self' blob:", "require-trusted-types-for 'script'", "trusted-types ocr-blocks")


def _page_policy(*more: str) -> dict[str, str]:
    own = [f"{what} 'self'" for what in ("script-src", "style-src", "connect-src")]
    forbidden = [f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")]
    return {_POLICY: "; ".join(["default-src 'none'", *own, *forbidden, *more])}


class SecurityHeaders:
    """A WSGI application whose answers all have these headers."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            has_policy = _POLICY in dict(headers)
            headers.extend(SECURITY_HEADERS[:-1] if has_policy else SECURITY_HEADERS)
            return start_response(status, headers, *exc_info)

        return self._app(environ, start)
