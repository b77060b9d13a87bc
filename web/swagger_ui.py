"""Serves /docs: Swagger UI without any other host, on a page whose policy allows no inline script or style."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, current_app, redirect, request, send_file, url_for
from flask_openapi.openapi import OpenAPI
from werkzeug.wrappers import Response as AnyResponse

from web.headers import docs_policy

api = Blueprint("docs", __name__)

#: name below /docs → path in the library
_ASSETS = {
    "swagger-ui.css": "css/swagger-ui.css",
    "swagger-ui.js": "js/swagger-ui-bundle.js",
    "icon.svg": "images/swagger.svg",
}

# links are relative, so that the page works below any root path
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>ocr-celery</title>
  <link rel="icon" href="docs/icon.svg">
  <link rel="stylesheet" href="docs/swagger-ui.css">
  <link rel="stylesheet" href="docs/page.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/swagger-ui.js"></script>
  <script src="docs/page.js"></script>
</body>
</html>
"""
_STYLE = "body { margin: 0; background: #fafafa; }\n"
_SCRIPT = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,  // no request to swagger.io
});
"""


@api.get("/docs")
def page() -> Response:
    """The page /docs."""
    return Response(_PAGE, headers=docs_policy(), mimetype="text/html")


@api.get("/docs/")
@api.get("/docs/swagger")
def redirect_old_path() -> AnyResponse:
    """Redirect the page's former addresses."""
    return redirect(url_for("docs.page"), 308)


@api.get("/docs/page.css")
def style() -> Response:
    """The page's stylesheet."""
    return Response(_STYLE, mimetype="text/css")


@api.get("/docs/page.js")
def script() -> Response:
    """The script that starts Swagger UI."""
    return Response(_SCRIPT, mimetype="text/javascript")


def asset(path: str) -> Response:
    """A file of Swagger UI."""
    return send_file(_assets_dir() / path, max_age=3600)


for _name, _path in _ASSETS.items():
    api.add_url_rule(f"/docs/{_name}", view_func=asset, defaults={"path": _path})


@cache
def _assets_dir() -> Path:
    return Path(str(files("flask_openapi_swagger") / "templates" / "swagger"))


@api.get("/openapi.json")
def openapi_document() -> dict[str, object]:
    """The OpenAPI document, with the root path of this request."""
    app = current_app
    assert isinstance(app, OpenAPI)
    return {**app.api_doc, "servers": [{"url": request.root_path or "/"}]}
