"""A bad URL is a failed page of its batch, however malformed, and the batch is finished all the same."""

from collections.abc import Callable

from ocr_celery.client import Client
from tests.testlib.processes import Worker, until

BAD = ["", "not a url", "http://[", "ftp://a/", "x" * 99_999, "\ud800", "http://a\ud800/", "http://a/\0"]
NO_TEXT: list[object] = [None, 5, 1.5, True, [], {}, ["http://a/"]]


def test_every_bad_url_is_an_item_that_says_so(client: Client, start_worker: Callable[..., Worker]) -> None:
    start_worker()
    urls = [*BAD, *NO_TEXT, "http://10.0.0.1/\ud800"]
    id = client.submit_batch(urls)
    until(lambda: client.look_up_batch(id).status == "failed", what="the batch is finished")
    assert [str(url)[:100] for url, _ in client.look_up_batch(id).items] == [str(url)[:100] for url in urls]
    codes = [task.error and task.error.code for _, task in client.look_up_batch(id).items]
    assert codes == ["bad_url"] * (len(urls) - 1) + ["address_refused"]
    body = until(lambda: client.app.backend.get_task_meta(id)["result"], what="the chord's body ran")
    assert (body["total"], body["failed"]) == (len(urls), len(urls))
