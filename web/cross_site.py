"""Refuses what another web site makes a browser send: without a login, a form there could fill the queue, cancel and delete.

Browsers say so in a header that no script can set (Sec-Fetch-Site); programs do not send it. Over plain http, browsers send it to
this machine only.
"""

from flask import Flask

from web import request_context
from web.problems import CrossSite

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def refuse_cross_site_requests(app: Flask) -> None:
    """Refuse every request to this app that changes something and comes from another site. Links from there work."""
    app.before_request(_refuse_cross_site)


def _refuse_cross_site() -> None:
    request = request_context.request()
    if request.method not in _READS and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CrossSite
