"""A service's keys in Redis carry its queue, so that two services share none."""

import pytest

from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from ocr_celery.store.keys import Keys, index_of


def every(keys: Keys) -> set[str]:
    """Each key of a service but for what Celery names, with the same task and node."""
    of_tasks = {
        keys.task("one"),
        keys.blob("one"),
        keys.batch("one"),
        keys.prompt("one"),
        keys.lane("one"),
        *keys.all_counted,
    }
    of_nodes = {keys.lease("w1@host"), keys.unacked("w1@host"), keys.handed("w1@host"), keys.inside("w1@host")}
    if not keys.queue.startswith("{"):
        of_tasks |= {keys.exports("one"), keys.of_exporters.queue, *every(keys.of_exporters)}
    return of_tasks | of_nodes | {keys.workers, keys.lanes, keys.nodes, keys.sweep, keys.put_aside}


def test_every_key_begins_with_the_queue_as_a_hash_tag() -> None:
    assert all(key.startswith("{ocr}:") for key in every(Keys("ocr")))


def test_exporters_share_no_key_with_workers() -> None:
    keys = Keys("ocr")
    assert keys.of_exporters.queue == "{ocr}:export"
    own = {keys.workers, keys.nodes, keys.sweep, keys.unacked("a"), keys.lease("a"), keys.exports("a"), *keys.waiting}
    assert not own & every(keys.of_exporters)


def test_two_services_share_no_key_and_no_queue() -> None:
    one, other = Keys("ocr"), Keys("ocr2")
    assert not every(one) & every(other)
    assert not set(one.waiting) & set(other.waiting)
    assert not any(key.startswith(one.prefix) for key in every(other))


def test_results_lie_where_every_celery_application_looks() -> None:
    assert Keys("ocr").meta("one") == "celery-task-meta-one"


def test_the_zset_of_each_status_is_found_by_its_index() -> None:
    keys = Keys("ocr")
    assert [keys.all_counted[index_of(status)] for status in Status] == [keys.counted(status) for status in Status]


@pytest.mark.parametrize("queue", ["", "{ocr}", "a}b", "two words"])
def test_a_queue_whose_name_would_spoil_the_prefix_is_refused(queue: str) -> None:
    with pytest.raises(ValueError, match="queue"):
        Settings(queue=queue)
