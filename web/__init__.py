"""The HTTP facade: requests in, tasks out. It knows Celery only through `ocr_celery.client`."""

from collections.abc import Callable
from typing import Any

from flask_openapi.openapi import OpenAPI
from werkzeug.routing import BaseConverter, Map

from ocr_celery import __version__
from ocr_celery.client import Client
from ocr_celery.settings import Settings, load_settings
from web import (
    cancel,
    cross_site,
    documents,
    events,
    headers,
    openapi,
    ops,
    page_images,
    problems,
    proxy,
    request_body,
    request_events,
    request_log,
    request_parsing,
    result_files,
    submit,
    swagger_ui,
    unread_body,
    user_interface,
    waiting,
)
from web.response_models import Problem

_DESCRIPTION = """OCR as a service: send pages, get ids, ask for the text.

Every error is `{"detail": "…", "code": "…"}`; unknown fields are errors. 503 means "later", see `Retry-After`."""


class _PatternConverter(BaseConverter):
    """A variable part of a path that matches a pattern."""

    def __init__(self, map: Map, pattern: str) -> None:
        super().__init__(map)
        self.regex = pattern


class _App(OpenAPI):
    """Flask without support for coroutines, which it would look for in each function of each request."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function itself."""
        return func


def create_app(settings: Settings | None = None, client: Client | None = None) -> OpenAPI:
    """The WSGI application. Opens no connection before its first request; raises `SettingsError`."""
    settings = settings or (client.settings if client else load_settings())
    info: Any = {"title": "ocr-celery", "version": __version__, "description": _DESCRIPTION}
    app = _App("web", info=info, doc_ui=False, validation_error_model=Problem, static_folder=None)
    app.url_map.converters["regex"] = _PatternConverter
    app.openapi_version = "3.1.0"  # many client generators do not support 3.2, and nothing of it is used here
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["ocr_client"] = client or Client(settings, service=True)
    request_log.assign_request_ids(app)
    request_events.announce_requests(app, [request_log.log_request])
    unread_body.drain_unread_bodies(app)
    problems.answer_errors(app)
    cross_site.refuse_cross_site_requests(app)
    waiting.limit_waiting(app, settings.web_waits)
    max_body_bytes = request_parsing.max_body_bytes(settings)
    request_body.limit_bodies(app, max_body_bytes=max_body_bytes, rate=settings.upload_rate * 1024)
    for calls in (submit, cancel, documents, page_images, result_files, events, ops):
        app.register_api(calls.api)
    app.register_blueprint(swagger_ui.api)
    app.register_blueprint(user_interface.api)
    openapi.finalize(app, settings)
    app.wsgi_app = headers.SecurityHeaders(_behind_proxy(app, settings))  # type: ignore[method-assign]
    return app


def _behind_proxy(app: OpenAPI, settings: Settings) -> proxy.BehindProxy:
    own_segments = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    root_path, proxies = settings.root_path, settings.trusted_proxies
    return proxy.BehindProxy(app.wsgi_app, root_path=root_path, proxies=proxies, own_segments=own_segments)
