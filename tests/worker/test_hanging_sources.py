"""A batch whose hosts all hang, as those of a wildcard domain can, holds up itself and nobody else."""

import socket
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from ocr_celery.client import Client
from tests.testlib.processes import Worker, final

if TYPE_CHECKING:
    from tests.testlib.image_server import Origin

HOSTS = 64
LONG = 300  #: seconds that a download may take: longer than anything here waits


@pytest.fixture
def hanging() -> Iterator[list[str]]:
    """URLs on hosts of their own, each of which takes a connection and says nothing."""
    if sys.platform != "linux":
        pytest.skip("only Linux has 127.0.0.0/8 on its loopback")
    with socket.create_server(("0.0.0.0", 0), backlog=4 * HOSTS) as silent:
        port = silent.getsockname()[1]
        yield [f"http://127.0.1.{n}:{port}/" for n in range(1, HOSTS + 1)]


def test_pages_behind_a_batch_whose_hosts_all_hang_are_read(
    client: Client, start_worker: Callable[..., Worker], origin: "Origin", hanging: list[str]
) -> None:
    start_worker(OCR_PREPARE_THREADS=4, OCR_IMAGE_DOWNLOAD_TIMEOUT=LONG, OCR_URL_ALLOW="127.0.0.0/8")
    held_up = client.submit_batch(hanging)
    single = client.submit_url(origin.page(100))
    batch = client.submit_batch([origin.page(width) for width in (101, 102, 103)])
    ids = [single, *(task.id for _, task in client.look_up_batch(batch).items)]
    assert [view.status for view in final(client, ids)] == ["completed"] * 4
    assert not any(task.status.final for _, task in client.look_up_batch(held_up).items)


def test_single_pages_whose_hosts_share_an_address_that_hangs_leave_threads_to_others(
    client: Client, start_worker: Callable[..., Worker], origin: "Origin", hanging: list[str]
) -> None:
    """Names that differ only in how they are written stand for those of a wildcard domain."""
    start_worker(OCR_PREPARE_THREADS=4, OCR_IMAGE_DOWNLOAD_TIMEOUT=LONG, OCR_URL_ALLOW="127.0.0.0/8")
    port = hanging[0].rpartition(":")[2]
    for number in range(1, HOSTS + 1):
        client.submit_url(f"http://0x{'0' * (number % 8)}7f.0x{'0' * (number // 8)}0.1.1:{port}/")
    assert final(client, [client.submit_url(origin.page(100))])[0].status == "completed"
