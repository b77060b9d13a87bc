"""Completes /openapi.json: the errors that each call may answer, the headers of answers, and the defaults that are set."""

from typing import Any

from flask_openapi.openapi import OpenAPI
from pydantic import BaseModel

from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.errors import OcrError
from ocr_celery.settings import Settings

_SCHEMAS = "#/components/schemas/"
_PROBLEM = {"$ref": _SCHEMAS + "Problem"}
_REQUEST_ID = {"description": "The id of this request in every log line about it.", "schema": {"type": "string"}}
_LOCATION = {"description": "The path of the task's or batch's status.", "schema": {"type": "string"}}
_RETRY_AFTER_HEADER = {"description": "Seconds after which a retry makes sense.", "schema": {"type": "integer"}}


def openapi_responses(
    model: type[BaseModel] | dict[str, Any], *errors: type[OcrError], accepted: type[BaseModel] | None = None
) -> Any:
    """The answers of a call for its document: this model (or what is described) on success, else one of these errors.

    `accepted`: what is answered with 202, where the success is not there yet.
    """
    documented: dict[int, Any] = {200: model, **({202: accepted} if accepted else {})}
    for error in errors:
        problem = error()
        response = documented.setdefault(error.http_status, {"description": "", "content": {"application/json": {}}})
        response["description"] = f"{response['description']} {problem.message}".strip()
        content = response["content"]["application/json"]
        content["schema"] = _PROBLEM
        value = {"detail": problem.message, "code": problem.code}
        content.setdefault("examples", {})[problem.code] = {"summary": problem.code, "value": value}
    return documented


def finalize(app: OpenAPI, settings: Settings) -> None:
    """Complete the document of this app, once, when it is created."""
    spec = app.api_doc
    for path in spec["paths"].values():
        for method, operation in path.items():
            operation["responses"] = {
                s: _with_headers(method, s, r) for s, r in operation["responses"].items() if not _is_default_422(r)
            }
    schemas = _name_schemas_by_title(spec)
    for name in ("Upload", "UrlRequest", "BatchRequest"):
        for option, default in settings.options().as_dict().items():
            schemas[name]["properties"][option]["default"] = default
    form, fields = schemas["Upload"], schemas["Upload"]["properties"]
    # a default "<image>…" would make the curl line of /docs read a file; without any, Swagger fills in the word "string"
    for option in ("prompt", "page_range", "password", "outputs"):
        fields[option]["default"] = ""
    for option in ("page_range", "outputs"):
        fields[option].pop("examples", None)  # Swagger would fill it in
    for option in ("text_layer", "cache"):
        fields[option]["default"] = getattr(DocumentOptions(), option)
    fields["prompt"]["description"] += f" Where it is empty: {_as_code(settings.options().prompt)}"
    form["properties"] = {"file": fields.pop("file"), **fields}
    schemas["BatchRequest"]["properties"]["urls"]["maxItems"] = settings.max_batch_urls
    app.extensions["ocr_endpoints"] = _endpoints(spec)


def _name_schemas_by_title(spec: dict[str, Any]) -> dict[str, Any]:
    """The document's schemas, each under its title: flask-openapi names those within others after their classes."""
    components: dict[str, Any] = spec["components"]
    titles = {name: schema.get("title", name) for name, schema in components["schemas"].items()}
    references = {_SCHEMAS + name: _SCHEMAS + title for name, title in titles.items()}
    components["schemas"] = {titles[name]: schema for name, schema in components["schemas"].items()}
    _replace_references(spec, references)
    schemas: dict[str, Any] = components["schemas"]
    return schemas


def _replace_references(node: Any, references: dict[str, str]) -> None:
    if isinstance(node, dict):
        if "$ref" in node:
            node["$ref"] = references.get(node["$ref"], node["$ref"])
        children = list(node.values())
    else:
        children = node if isinstance(node, list) else []
    for child in children:
        _replace_references(child, references)


def _as_code(text: str) -> str:
    """The text as code in markdown, which would drop a tag in plain text."""
    escaped = text.replace("\n", "\\n")
    fence = "``" if "`" in escaped else "`"
    return f"{fence} {escaped} {fence}" if fence == "``" else f"{fence}{escaped}{fence}"


def _is_default_422(response: dict[str, Any]) -> bool:
    """Whether flask-openapi added this 422, as it does to calls that document none."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return bool(schema.get("type") == "array" and schema.get("items") == _PROBLEM)


def _with_headers(method: str, status: str, response: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-ID": _REQUEST_ID, **response.get("headers", {})}
    if status == "202":
        headers["Location"] = _LOCATION
    if status == "503" or (method, status) == ("get", "202"):
        headers["Retry-After"] = _RETRY_AFTER_HEADER
    return {**response, "headers": headers}


def _endpoints(spec: dict[str, Any]) -> dict[str, str]:
    return {
        f"{method.upper()} {path}": operation["summary"]
        for path, operations in spec["paths"].items()
        for method, operation in operations.items()
    }
