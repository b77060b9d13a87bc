"""Reads what a caller sent, within bounds, and refuses what is not as described, naming what is wrong and no more.

flask-openapi only documents the requests. Its own reading would write out the JSON schema of a form again for each
request, take a text for a number where JSON has numbers, and let unknown fields of a form pass.
"""

import json
import math
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar, cast, get_type_hints

from flask import current_app, g, request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from ocr_celery.client import Client
from ocr_celery.core.options import NAMES, Options
from ocr_celery.errors import BadRequest, FileTooLarge, NoFile
from web.multipart import Malformed, Part, TooManyParts, boundary_of, parts
from web.patience import was_cut
from web.problems import MalformedRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType
from web.schemas import Upload

MAX_JSON = 8 * 1024 * 1024  #: bytes
SLACK = 64 * 1024  #: bytes a form may have beside its file
_MAX_DEPTH = 16  # of lists and objects within each other: whoever stores or shows them recurses

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


def checked(view: Callable[..., Any]) -> Callable[..., Any]:
    """Read and check what the view's parameters ask for: `form`, `body`, `path`, `query`, each a model."""
    hints = get_type_hints(view)
    wanted = [(name, hints[name], read) for name, read in _READ.items() if name in hints]

    @wraps(view)
    def reading(**values: Any) -> Any:
        return view(**{name: read(model, values) for name, model, read in wanted})

    reading.__dict__["__delay_validate_request__"] = True  # flask-openapi: this view sees to it itself
    return reading


def _path(model: type[Model], values: dict[str, Any]) -> Model:
    return model.model_validate(values)


def _query(model: type[Model], _: Any) -> Model:
    given = request.args.to_dict()
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        refuse(exc, given, model)


def _read(limit: int) -> bytes:
    """The body, of at most so many bytes. Raises `RequestEntityTooLarge`, `RequestTimeout`."""
    request.max_content_length = limit
    try:
        data = request.get_data(cache=False)
    except Exception:
        _check_patience()
        raise
    _check_patience()
    if request.content_length is None and len(data) >= limit:  # werkzeug cuts off what was not announced
        raise RequestEntityTooLarge
    g.body_read = True
    return data


def _check_patience() -> None:
    """Raises `RequestTimeout`."""
    if was_cut(request.environ.get("gunicorn.socket")):
        seconds = client().settings.upload_timeout
        raise RequestTimeout(f"The request did not arrive within {seconds:g} s.")


# -- JSON --------------------------------------------------------------------------------------------------------------


def _body(model: type[Model], _: Any) -> Model:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType('Send JSON, with the header "Content-Type: application/json".')
    try:
        data = _read(MAX_JSON)
    except RequestEntityTooLarge:
        raise RequestTooLarge(f"A JSON body may have up to {MAX_JSON // 1024**2} MB.") from None
    given = _parse(data)
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as exc:
        refuse(exc, given, model)


def _parse(data: bytes) -> dict[str, Any]:
    try:
        given = json.loads(data, parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError):
        raise MalformedRequest("The body is not valid JSON.") from None
    if not isinstance(given, dict):
        raise BadRequest("The body must be a JSON object.")
    level: list[Any] = [given]
    for _ in range(_MAX_DEPTH):
        level = [x for c in level for x in (c.values() if isinstance(c, dict) else c) if isinstance(x, dict | list)]
        if not level:
            return given
    raise BadRequest(f"The body has more than {_MAX_DEPTH} lists or objects within each other.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _number(text: str) -> float:
    """JSON knows one kind of number: 8.0 is as whole as 8."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("no such number")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


# -- multipart ---------------------------------------------------------------------------------------------------------


def _form(model: type[Model], _: Any) -> Model:
    fields = _fields()
    given = {name: value for name, value in fields.items() if value != ""}  # a form sends what was left empty as ""
    try:
        return model.model_validate(given)
    except ValidationError as exc:
        refuse(exc, given, model)


def _fields() -> dict[str, Any]:
    """The form, each field once: `file` a file and all others texts."""
    found = _read_form()
    names = [part.name for part in found]
    unknown = sorted(set(names) - Upload.model_fields.keys())
    if unknown:
        raise BadRequest(_unknown(unknown, Upload))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadRequest(f"{twice[0]}: given more than once; a task is one page.")
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


def _read_form() -> list[Part]:
    if request.mimetype != "multipart/form-data":
        if not request.mimetype and not request.content_length:
            raise NoFile
        raise UnsupportedMediaType('Send a form, with the header "Content-Type: multipart/form-data".')
    try:
        body = _read(client().settings.max_image_bytes + SLACK)
        found = list(parts(body, boundary_of(request.content_type or "")))
    except RequestEntityTooLarge:
        raise too_large() from None
    except Malformed:
        raise MalformedRequest("The body is not a valid multipart form.") from None
    except TooManyParts:
        raise BadRequest("The form has too many fields.") from None
    if sum(len(part.data) for part in found if part.filename is None) > SLACK:
        raise RequestTooLarge("The fields beside the file are too long.")
    return found


def too_large() -> FileTooLarge:
    """The refusal of a file, saying how large one may be."""
    return FileTooLarge(
        f"The file is too large; this service accepts up to {client().settings.max_image_size_mb:g} MB."
    )


# -- refusals ----------------------------------------------------------------------------------------------------------


def refuse(exc: ValidationError, given: dict[str, Any], model: type[BaseModel]) -> NoReturn:
    """Raise `BadRequest` or `BadOption` for the first thing that is wrong, unknown fields before all."""
    errors = exc.errors(include_url=False, include_input=False)
    unknown = sorted(str(e["loc"][0]) for e in errors if e["type"] == "extra_forbidden")
    if unknown:
        raise BadRequest(_unknown(unknown, model)) from None
    field = str(errors[0]["loc"][0])
    if field in NAMES:
        Options().updated({field: given[field]})  # raises, and says it best
    raise BadRequest(f"{field}: {_wanted(errors[0])}.") from None


def _wanted(error: Any) -> str:
    """What pydantic found wrong, in words of our own where it speaks of Python."""
    sentence = _SENTENCES.get(error["type"], error["msg"].removeprefix("Input "))
    return str(sentence.format(**error.get("ctx", {})))


def _unknown(names: list[str], model: type[BaseModel]) -> str:
    shown = ", ".join(ascii(name[:40])[1:-1] for name in names[:5])
    known = ", ".join(sorted(model.model_fields))
    return (
        f"Unknown field{'s' if len(names) > 1 else ''}: {shown}{', …' if len(names) > 5 else ''}. There are: {known}."
    )


_READ: dict[str, Callable[[Any, dict[str, Any]], BaseModel]] = {
    "path": _path,
    "query": _query,
    "form": _form,
    "body": _body,
}
