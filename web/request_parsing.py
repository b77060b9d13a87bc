"""Parses and validates requests within bounds. An error names the field that is wrong and repeats no value.

flask-openapi only documents the requests. Its own parser would generate the JSON schema of a form for each request, accept
a string as a number in JSON, and ignore unknown fields of a form.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast, get_type_hints

from flask import current_app, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from ocr_celery.client import Client
from ocr_celery.core import document_options
from ocr_celery.errors import BadRequest, FileTooLarge, NoFile
from ocr_celery.settings import Settings
from web import json_body, request_body, request_context
from web.form_body import MAX_FIELDS, FormField, MalformedForm, TooManyFields, boundary_of, parse_form
from web.problems import MalformedRequest, RequestTooLarge, UnsupportedMediaType
from web.request_models import Upload
from web.unknown_fields import raise_for_unknown

FORM_OVERHEAD = 64 * 1024  #: bytes that a form may have in addition to its file

_SENTENCES = {
    "missing": "field required",
    "string_type": "must be a string",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "list_type": "must be a list",
    "too_short": "must have at least one item",
}

Model = TypeVar("Model", bound=BaseModel)


def client() -> Client:
    """The client of the app that answers the current request."""
    return cast(Client, current_app.extensions["ocr_client"])


def max_body_bytes(settings: Settings) -> int:
    """Bytes that a body may have at most."""
    return max(json_body.MAX_BYTES, _max_file_bytes(settings) + FORM_OVERHEAD)


def _max_file_bytes(settings: Settings) -> int:
    """Bytes that a file may have at most; whether it is an image or a document is known once it is there."""
    return max(settings.max_image_bytes, settings.max_document_bytes)


def validated(view: Callable[..., Any]) -> Callable[..., Any]:
    """Parse and validate what a view has parameters for: `form`, `body`, `path`, `query`, `header`, each a model."""
    hints = get_type_hints(view)
    has_query = "query" in hints
    parts = [(name, hints[name], read) for name, read in _READERS.items() if name in hints]

    @wraps(view)
    def reading(**values: Any) -> Any:
        if not has_query and (request := request_context.request()).query_string:
            raise_for_unknown(request.args, ())
        return view(**{name: read(model, values) for name, model, read in parts})

    reading.__dict__["__delay_validate_request__"] = True  # flask-openapi leaves the validation to this view
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


def _read_header(model: type[Model], _: Any) -> Model:
    names = [field.alias or name for name, field in model.model_fields.items()]
    return model.model_validate({name: request.headers[name] for name in names if name in request.headers})


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
    """Enough for the largest batch and some more, so that a batch over the limit is mostly told the limit itself."""
    return 1000 + 4 * client().settings.max_batch_urls


# -- multipart ---------------------------------------------------------------------------------------------------------


def _read_form_model(model: type[Model], _: Any) -> Model:
    fields = _form_values()
    given = {
        name: value for name, value in fields.items() if value != ""
    }  # browsers send a field that was left empty as ""
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        raise_bad_request(exc, given)


def _form_values() -> dict[str, Any]:
    """The values of a form, each given once: `file` is a `FormField`, all others are strings."""
    found = _read_form()
    names = [part.name for part in found]
    raise_for_unknown(names, Upload.model_fields)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BadRequest(f"{repeated[0]}: given more than once; a request has one page.")
    fields: dict[str, Any] = {}
    for part in found:
        if part.name == "file":
            fields["file"] = part
        elif part.filename is not None:
            raise BadRequest(f"{part.name}: must be text, not a file.")
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
        body = _read_body(_max_file_bytes(client().settings) + FORM_OVERHEAD)
        found = parse_form(body, boundary_of(content_type))
    except RequestEntityTooLarge:
        raise file_too_large(is_document=True) from None
    except MalformedForm:
        raise MalformedRequest("The body is not a valid multipart form.") from None
    except TooManyFields:
        raise BadRequest(f"The form has too many fields; it may have {MAX_FIELDS}.") from None
    if sum(len(part.data) for part in found if part.filename is None) > FORM_OVERHEAD:
        raise RequestTooLarge(
            f"The text fields of the form are too long; they may have {FORM_OVERHEAD // 1024} kB together."
        )
    return found


def file_too_large(*, is_document: bool) -> FileTooLarge:
    """The error for a file that is too large, with the limit."""
    settings = client().settings
    limit = max(settings.max_document_mb, settings.max_image_size_mb) if is_document else settings.max_image_size_mb
    kind = "documents" if is_document else "images"
    return FileTooLarge(f"The file is too large; this service accepts {kind} up to {limit:g} MB.")


# -- refusals ----------------------------------------------------------------------------------------------------------


def raise_bad_request(exc: ValidationError, given: dict[str, Any]) -> NoReturn:
    """Raise `BadRequest` or `BadOption` for the first field that is wrong."""
    error = exc.errors(include_url=False, include_input=False)[0]
    field = str(error["loc"][0])
    if field in document_options.ALL_NAMES:
        document_options.checked_options({field: given[field]})  # raises with the limits of this option
    raise BadRequest(f"{field}: {_expected(error)}.") from None


def _expected(error: Any) -> str:
    """What was expected; pydantic's own message where it does not mention Python."""
    sentence = _SENTENCES.get(error["type"], error["msg"].removeprefix("Input "))
    return str(sentence.format(**error.get("ctx", {})))


_READERS: dict[str, Callable[[Any, dict[str, Any]], BaseModel]] = {
    "path": _read_path,
    "query": _read_query,
    "header": _read_header,
    "form": _read_form_model,
    "body": _read_json,
}
