"""Who waits for a task is woken by its change, whatever happens to the connection, and by one thread for all."""

import subprocess
import sys
import threading

import pytest

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import BrokerUnavailable, EmptyFile, TaskNotFound
from ocr_celery.settings import Settings
from ocr_celery.store import change_feed
from tests.testlib.processes import ROOT, RedisServer, until
from tests.testlib.threads import Start
from tests.testlib.worker_double import WorkerDouble


def until_listening(client: Client) -> None:
    until(lambda: client.changes.is_listening, what="the subscription stands")


def feed_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "change-feed"]


def test_who_waits_is_woken_when_the_task_is_final(
    client: Client, worker: WorkerDouble, start: Start, woken_only: None
) -> None:
    id = client.submit_url("http://a/")
    found = start(client.wait, id, timeout=60)
    until_listening(client)
    worker.start(id)
    assert not found.done()
    worker.complete(id, "# Text")
    task = found.result(60)
    assert (task.status, task.result["text"]) == (Status.COMPLETED, "# Text")


def test_many_wait_for_different_tasks_in_one_subscription(
    client: Client, worker: WorkerDouble, start: Start, woken_only: None, redis: RedisServer
) -> None:
    ids = [client.submit_url("http://a/") for _ in range(5)]
    found = [start(client.wait, id, timeout=60) for id in ids]
    until_listening(client)
    assert redis.client.pubsub_numsub(client.keys.changes)[0][1] == 1
    for id in reversed(ids):
        worker.complete(id)
    assert [one.result(60).id for one in found] == ids


def test_a_batch_is_waited_for_until_the_last_of_its_tasks(
    client: Client, worker: WorkerDouble, start: Start, woken_only: None
) -> None:
    batch = client.submit_batch(["http://a/", "no address", "http://b/"])
    first, _, last = (task.id for _, task in client.look_up_batch(batch).items)
    found = start(client.wait_batch, batch, timeout=60)
    until_listening(client)
    worker.complete(first)
    with pytest.raises(TimeoutError, match=f"batch {batch} is still processing after 0.05 s"):
        client.wait_batch(batch, timeout=0.05)
    assert not found.done()
    worker.fail(last, EmptyFile())
    view = found.result(60)
    assert (view.status, view.counts) == (Status.COMPLETED, {Status.COMPLETED: 1, Status.FAILED: 2})


def test_a_change_while_the_connection_is_lost_is_not_missed(
    client: Client, worker: WorkerDouble, start: Start, woken_only: None, redis: RedisServer
) -> None:
    for _ in range(10):
        id = client.submit_url("http://a/")
        found = start(client.wait, id, timeout=60)
        until_listening(client)
        redis.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        worker.complete(id)
        assert found.result(60).status is Status.COMPLETED


def test_who_may_not_subscribe_asks_now_and_then(
    client: Client, worker: WorkerDouble, redis: RedisServer, start: Start
) -> None:
    redis.client.execute_command("ACL", "SETUSER", "deaf", "on", ">x", "~*", "+@all", "resetchannels")
    deaf = Client(Settings(redis_url=redis.url.replace("//", "//deaf:x@")))
    id = client.submit_url("http://a/")
    found = start(deaf.wait, id, timeout=60)
    worker.complete(id)
    assert found.result(60).status is Status.COMPLETED
    assert not deaf.changes.is_listening


def test_the_thread_ends_when_nobody_waits_and_another_begins_with_the_next(
    client: Client, worker: WorkerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_feed, "_IDLE_INTERVAL", 0.01)
    monkeypatch.setattr(change_feed, "_LISTEN_INTERVAL", 0.01)
    for _ in range(2):
        id = client.submit_url("http://a/")
        with pytest.raises(TimeoutError, match=f"task {id} is still pending after 0.05 s"):
            client.wait(id, timeout=0.05)
        until(lambda: not feed_threads(), what="the thread has ended")
        assert not client.changes.is_listening


def test_a_process_that_was_forked_has_a_subscription_of_its_own(
    client: Client, worker: WorkerDouble, redis: RedisServer
) -> None:
    done, open_ = client.submit_url("http://a/"), client.submit_url("http://a/")
    worker.complete(done)
    program = f"""
import os
from ocr_celery.client import Client
from ocr_celery.settings import Settings
client = Client(Settings(redis_url="{redis.url}"))
def wait(id):
    try:
        client.wait(id, timeout=0.2)
    except TimeoutError:
        assert client.changes.is_listening
wait("{open_}")
with client.changes.lock:  # as another thread of the parent may hold it
    child = os.fork()
    if not child:
        wait("{open_}")
        wait("{done}")
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=False)
    assert (run.stdout, run.stderr) == ("7\n", "")


def test_what_is_unknown_is_not_waited_for(client: Client) -> None:
    with pytest.raises(TaskNotFound):
        client.wait("nobody", timeout=3600)
    with pytest.raises(TaskNotFound):
        client.wait_batch("nobody", timeout=3600)


def test_who_waits_while_redis_ends_is_told(own: RedisServer, start: Start, woken_only: None) -> None:
    client = Client(Settings(redis_url=own.url))
    found = start(client.wait, client.submit_url("http://a/"), timeout=3600)
    until_listening(client)
    own.stop()
    with pytest.raises(BrokerUnavailable):
        found.result(60)
