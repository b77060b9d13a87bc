"""Reads what a caller sent, within bounds, and refuses what is not as described, naming what is wrong and no more.

flask-openapi only documents the requests. Its own reading would write out the JSON schema of a form again for each
request, take a text for a number where JSON has numbers, and let unknown fields of a form pass.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast, get_type_hints

from flask import current_app, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from ocr_celery.client import Client
from ocr_celery.core.options import NAMES, Options
from ocr_celery.errors import BadRequest, FileTooLarge, NoFile
from ocr_celery.settings import Settings
from web import json_body, request_body, request_context
from web.form_body import FormField, MalformedForm, TooManyFields, boundary_of, parse_form
from web.problems import MalformedRequest, RequestTooLarge, UnsupportedMediaType
from web.request_models import Upload
from web.unknown_fields import raise_for_unknown

FORM_OVERHEAD = 64 * 1024  #: bytes a form may have beside its file

_SENTENCES = {
    "missing": "it is missing",
    "string_type": "a text is wanted",
    "string_too_short": "it is empty",
    "string_too_long": "it may have up to {max_length} characters",
    "list_type": "a list is wanted",
    "too_short": "at least one is wanted",
}

Model = TypeVar("Model", bound=BaseModel)


def client() -> Client:
    """The client of the app that answers the current request."""
    return cast(Client, current_app.extensions["ocr_client"])


def max_body_bytes(settings: Settings) -> int:
    """Bytes a request may have at most."""
    return max(json_body.MAX_BYTES, settings.max_image_bytes + FORM_OVERHEAD)


def validated(view: Callable[..., Any]) -> Callable[..., Any]:
    """Read and check what the view's parameters ask for: `form`, `body`, `path`, `query`, each a model."""
    hints = get_type_hints(view)
    has_query = "query" in hints
    parts = [(name, hints[name], read) for name, read in _READERS.items() if name in hints]

    @wraps(view)
    def reading(**values: Any) -> Any:
        if not has_query and (request := request_context.request()).query_string:
            raise_for_unknown(request.args, ())
        return view(**{name: read(model, values) for name, model, read in parts})

    reading.__dict__["__delay_validate_request__"] = True  # flask-openapi: this view sees to it itself
    return reading


def _read_path(model: type[Model], values: dict[str, Any]) -> Model:
    return model.model_validate(values)


def _read_query(model: type[Model], _: Any) -> Model:
    given = request.args.to_dict()
    raise_for_unknown(given, model.model_fields)
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        raise_bad_request(exc, given)


def _read_body(limit: int) -> bytes:
    return request_body.read(limit, timeout=client().settings.upload_timeout)


# -- JSON --------------------------------------------------------------------------------------------------------------


def _read_json(model: type[Model], _: Any) -> Model:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType('Send JSON, with the header "Content-Type: application/json".')
    try:
        data = _read_body(json_body.MAX_BYTES)
    except RequestEntityTooLarge:
        raise RequestTooLarge(f"A JSON body may have up to {json_body.MAX_BYTES // 1024**2} MB.") from None
    given = json_body.parse_object(data, model.model_fields, max_tokens=_max_tokens())
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as exc:
        raise_bad_request(exc, given)


def _max_tokens() -> int:
    """As a batch of the largest size needs, and some more, so that most of those above it learn the limit."""
    return 1000 + 4 * client().settings.max_batch_urls


# -- multipart ---------------------------------------------------------------------------------------------------------


def _read_form_model(model: type[Model], _: Any) -> Model:
    fields = _form_values()
    given = {name: value for name, value in fields.items() if value != ""}  # a form sends what was left empty as ""
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        raise_bad_request(exc, given)


def _form_values() -> dict[str, Any]:
    """The form, each field once: `file` a file and all others texts."""
    found = _read_form()
    names = [part.name for part in found]
    raise_for_unknown(names, Upload.model_fields)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadRequest(f"{repeated[0]}: given more than once; a task is one page.")
    fields: dict[str, Any] = {}
    for part in found:
        if part.name == "file":
            fields["file"] = part
        elif part.filename is not None:
            raise BadRequest(f"{part.name}: a text is wanted, not a file.")
        else:
            fields[part.name] = part.data.decode("utf-8", "replace")
    if "file" not in fields or fields["file"].filename is None:
        raise NoFile
    return fields


def _read_form() -> list[FormField]:
    request = request_context.request()
    content_type = request.content_type or ""
    if not content_type.startswith("multipart/form-data;") and request.mimetype != "multipart/form-data":
        if not request.mimetype and not request.content_length:
            raise NoFile
        raise UnsupportedMediaType('Send a form, with the header "Content-Type: multipart/form-data".')
    try:
        body = _read_body(client().settings.max_image_bytes + FORM_OVERHEAD)
        found = parse_form(body, boundary_of(content_type))
    except RequestEntityTooLarge:
        raise file_too_large() from None
    except MalformedForm:
        raise MalformedRequest("The body is not a valid multipart form.") from None
    except TooManyFields:
        raise BadRequest("The form has too many fields.") from None
    if sum(len(part.data) for part in found if part.filename is None) > FORM_OVERHEAD:
        raise RequestTooLarge("The fields beside the file are too long.")
    return found


def file_too_large() -> FileTooLarge:
    """The refusal of a file, saying how large one may be."""
    return FileTooLarge(
        f"The file is too large; this service accepts up to {client().settings.max_image_size_mb:g} MB."
    )


# -- refusals ----------------------------------------------------------------------------------------------------------


def raise_bad_request(exc: ValidationError, given: dict[str, Any]) -> NoReturn:
    """Raise `BadRequest` or `BadOption` for the first thing that is wrong."""
    error = exc.errors(include_url=False, include_input=False)[0]
    field = str(error["loc"][0])
    if field in NAMES:
        Options().updated({field: given[field]})  # raises, and says it best
    raise BadRequest(f"{field}: {_expected(error)}.") from None


def _expected(error: Any) -> str:
    """What pydantic found wrong, in words of our own where it speaks of Python."""
    sentence = _SENTENCES.get(error["type"], error["msg"].removeprefix("Input "))
    return str(sentence.format(**error.get("ctx", {})))


_READERS: dict[str, Callable[[Any, dict[str, Any]], BaseModel]] = {
    "path": _read_path,
    "query": _read_query,
    "form": _read_form_model,
    "body": _read_json,
}
