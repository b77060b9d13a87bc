"""/docs: Swagger UI, from this server only, with a page of our own whose policy allows no script or style within it."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from flask import Blueprint, Response, current_app, redirect, request, send_file, url_for
from flask_openapi.openapi import OpenAPI
from werkzeug.wrappers import Response as AnyResponse

from web.headers import page_security_policy

api = Blueprint("docs", __name__)

#: what the page asks for, by its name below /docs, and where the library has it
_ASSETS = {
    "swagger-ui.css": "css/swagger-ui.css",
    "swagger-ui.js": "js/swagger-ui-bundle.js",
    "icon.svg": "images/swagger.svg",
}

# links are relative: the page works below any path that a proxy puts in front of it
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
  validatorUrl: null,  // it would ask swagger.io to check the document
});
"""


@api.get("/docs")
def page() -> Response:
    """The page."""
    return Response(_PAGE, headers=page_security_policy(), mimetype="text/html")


@api.get("/docs/")
@api.get("/docs/swagger")
def redirect_old_path() -> AnyResponse:
    """Where the page was."""
    return redirect(url_for("docs.page"), 308)


@api.get("/docs/page.css")
def style() -> Response:
    """The page's own style."""
    return Response(_STYLE, mimetype="text/css")


@api.get("/docs/page.js")
def script() -> Response:
    """What starts Swagger UI."""
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
    """The OpenAPI document, for the address by which it was asked."""
    app = current_app
    assert isinstance(app, OpenAPI)
    return {**app.api_doc, "servers": [{"url": request.root_path or "/"}]}
