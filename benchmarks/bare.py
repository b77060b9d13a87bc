"""The least a facade could do, to measure ours against: take a body, one SET and one LPUSH, answer 202."""

import os
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from redis import Redis

app = Flask(__name__)
redis = Redis.from_url(os.environ["REDIS_URL"].replace("redis+socket://", "unix://", 1))


@app.post("/ocr")
def upload() -> Response:
    """Store the body and queue its id, in one round trip."""
    id = str(uuid4())
    with redis.pipeline(transaction=False) as pipe:
        pipe.set("blob:" + id, request.get_data(cache=False))
        pipe.lpush("queue", id)
        pipe.execute()
    response = jsonify(task_id=id, status="pending")
    response.status_code = 202
    return response
