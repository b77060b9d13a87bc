"""The calls for operators: liveness, readiness, statistics, and the index of all calls."""

from typing import Any

from flask import Response, current_app, jsonify, url_for
from flask_openapi.blueprint import APIBlueprint

from ocr_celery import __version__
from ocr_celery.errors import BrokerUnavailable
from ocr_celery.store.redis_checks import UNKNOWN, eviction_refusal
from web import user_interface
from web.openapi import openapi_responses
from web.ops_models import Health, Index, Ready, StatsResponse
from web.problems import NotReady, error_response
from web.request_parsing import client
from web.result_files import available_formats

api = APIBlueprint("ops", __name__)
_TAGS: Any = [{"name": "Operate", "description": "Watch the service."}]


def _health_body(status: str, message: str, redis: str, workers: int, eviction: str = UNKNOWN) -> dict[str, Any]:
    checks = {"redis": redis, "eviction": eviction, "workers": workers}
    return {"status": status, "message": message, "checks": checks}


def _health_responses() -> Any:
    """The documented answers of /health; its 503 has the keys of `Health` and of an error."""
    documented = openapi_responses(Health, BrokerUnavailable)
    unavailable = documented[503]["content"]["application/json"]
    unavailable["schema"] = {"allOf": [{"$ref": "#/components/schemas/Health"}, unavailable["schema"]]}
    for example in unavailable["examples"].values():
        example["value"] = {**_health_body("unhealthy", example["value"]["detail"], "away", 0), **example["value"]}
    return documented


@api.get("/health", operation_id="getHealth", tags=_TAGS, responses=_health_responses())
def get_health() -> Response:
    """Check the service: Redis answers, and a worker with a loaded engine is alive."""
    try:
        workers, eviction = client().stats().workers, client().eviction_policy()
    except BrokerUnavailable as exc:
        return error_response(exc, **_health_body("unhealthy", exc.message, "away", 0))
    problem = eviction_refusal(eviction) or ("" if workers else NotReady().message)
    if problem:
        return jsonify(_health_body("degraded", problem, "ok", workers, eviction))
    return jsonify(_health_body("healthy", f"{_ready_workers(workers)} ready.", "ok", workers, eviction))


def _ready_workers(count: int) -> str:
    return "1 worker is" if count == 1 else f"{count} workers are"


@api.get(
    "/ready", operation_id="getReadiness", tags=_TAGS, responses=openapi_responses(Ready, NotReady, BrokerUnavailable)
)
def get_ready() -> Response:
    """Check whether a task that is sent now would be processed."""
    workers = client().stats().workers
    if not workers:
        raise _not_ready_error()
    return jsonify(ready=True, workers=workers)


def _not_ready_error() -> NotReady:
    """The error that says whether no worker is ready, or the workers read other queues."""
    ocr_client = client()
    queue = ocr_client.settings.queue
    other_queues = ocr_client.queues_read_instead()
    if other_queues:
        return NotReady(
            f"No worker reads the queue {queue}, where pages wait; other queues have workers: {', '.join(other_queues)}."
        )
    return NotReady(f"No worker with a loaded engine reads the queue {queue} yet; tasks are accepted and wait.")


@api.get("/stats", operation_id="getStats", tags=_TAGS, responses=openapi_responses(StatsResponse, BrokerUnavailable))
def get_stats() -> Response:
    """Count the tasks by status."""
    now = client().stats()
    return jsonify(
        total=now.total,
        pending=now.pending,
        processing=now.processing,
        completed=now.completed,
        failed=now.failed,
        queue_limit=now.queue_limit,
        workers=now.workers,
    )


@api.get("/", operation_id="getIndex", tags=_TAGS, responses={200: Index})
def get_index() -> Response:
    """List the calls of this service, its limits and the formats of its results. A browser gets a page for people."""
    response = user_interface.start_page() if user_interface.is_for_people() else jsonify(_index())
    response.headers["Vary"] = "Accept"
    return response


def _index() -> dict[str, Any]:
    return {
        "name": "ocr-celery",
        "version": __version__,
        "docs": url_for("docs.page"),
        "endpoints": current_app.extensions["ocr_endpoints"],
        "formats": available_formats(),
        "limits": _limits(),
    }


def _limits() -> dict[str, Any]:
    settings = client().settings
    return {
        "max_image_mb": settings.max_image_size_mb,
        "max_document_mb": settings.max_document_mb,
        "max_document_pages": settings.max_document_pages,
        "max_batch_urls": settings.max_batch_urls,
        "result_ttl": client().facts.task_ttl,
        "options": settings.options().as_dict(),
    }
