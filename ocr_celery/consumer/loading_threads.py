"""Threads that load pages: stored images in one queue, downloads in another that shares them out by batch, host and address."""

import logging
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from ocr_celery import message
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.consumer.threads import Threads
from ocr_celery.core.fetch_queue import NO_BATCH, FetchQueue
from ocr_celery.core.fetch_shares import DOWN, FetchTicket
from ocr_celery.errors import DownloadTimeout, OcrError

log = logging.getLogger(__name__)

FETCHERS = 2  #: fetching threads for each of the others: a host gets at most half of them
_IPV6_NETWORK = 64  #: bits of an IPv6 address that name one subscriber's network


class LoadingThreads:
    """`count` threads for pages whose file is in the message or the store, FETCHERS times as many for those to download."""

    def __init__(
        self, count: int, load: Callable[[PageRun], None], resolve_host: Callable[[str], IPv4Address | IPv6Address]
    ) -> None:
        """`resolve_host` finds the address of a URL's host, however long that takes, and raises the `OcrError` of the page."""
        self._load = load
        self._resolve_host = resolve_host
        self._images = Threads("prepare", count)
        self._queue = FetchQueue[PageRun](threads=FETCHERS * count)
        self._changed = threading.Condition()
        for i in range(FETCHERS * count):
            threading.Thread(target=self._run_fetcher, name=f"fetch-{i}", daemon=True).start()

    def add(self, run: PageRun, url: str) -> None:
        """This page is to be loaded; `url`: what it is to be downloaded from, "" for nothing."""
        host = message.source_host(url)
        if not host:
            self._images.submit(self._load, run)
            return
        run.url = url
        with self._changed:
            self._queue.add(run, host, _batch(run))
            self._changed.notify()

    def stalled(self) -> int:
        """How many pages wait for a slow or hanging host; the worker prefetches others in their place."""
        with self._changed:
            return self._queue.stalled(time.monotonic())

    def remove_waiting(self) -> list[PageRun]:
        """The pages that waited to be fetched and now are not."""
        with self._changed:
            return self._queue.remove_waiting()

    def _run_fetcher(self) -> None:
        while True:
            with self._changed:
                while (ticket := self._queue.take(time.monotonic())) is None:
                    self._changed.wait()
            found = self._resolve(ticket)
            if found is not None:
                try:
                    self._load(found.item)
                except BaseException:  # it must not raise; its loss would cost a fetching thread
                    log.exception("unexpected error: thread %s", threading.current_thread().name)
                self._finish(found)
            del ticket, found

    def _resolve(self, ticket: FetchTicket[PageRun]) -> FetchTicket[PageRun] | None:
        """Resolve the host. None: its address is at its limit, and the page waits again."""
        run = ticket.item
        if ticket.is_down:
            return _skip(ticket)
        try:
            run.address = self._resolve_host(run.url)
        except OcrError as refused:
            run.refused = refused
            return ticket
        except Exception:  # the fetch says better what is wrong
            log.exception("unexpected error: thread %s", threading.current_thread().name)
            return ticket
        with self._changed:
            moved = self._queue.set_address(ticket, _network(run.address), time.monotonic())
            self._changed.notify_all()
        return _skip(moved) if moved and moved.is_down else moved

    def _finish(self, ticket: FetchTicket[PageRun]) -> None:
        timed_out = isinstance(ticket.item.result, DownloadTimeout)
        with self._changed:
            self._queue.finish(ticket, timed_out=timed_out, now=time.monotonic())
            self._changed.notify_all()


def _skip(ticket: FetchTicket[PageRun]) -> FetchTicket[PageRun]:
    ticket.item.refused = DownloadTimeout(
        f"{ticket.host} timed out repeatedly; it is not contacted again for {DOWN:g} s."
    )
    return ticket


def _batch(run: PageRun) -> str:
    """What a page was sent together with: its group, or the task that sent it."""
    request = run.request
    root = request.root_id if request.root_id != request.id else None
    return str(request.group or root or NO_BATCH)[:100]


def _network(address: IPv4Address | IPv6Address) -> str:
    """The address; for IPv6 the network that one subscriber has."""
    if address.version == 4:
        return str(address)
    return str(IPv6Network((int(address) >> _IPV6_NETWORK << _IPV6_NETWORK, _IPV6_NETWORK)))
