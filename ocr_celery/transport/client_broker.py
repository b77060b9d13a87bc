"""The broker of a client: kombu's own Redis transport, with our way to send to a queue and to purge it.

A client takes no pages, so it does not need `transport/broker.py`, which depends on the internals of one version of kombu.
"""

from collections.abc import Callable
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock

from ocr_celery.transport.sending import SendingChannel, broker_options

#: kombu names a transport in the URL; a unix socket has no room for one unless it is an alias
_ALIAS = "ocrclient"
_NAME = "ocr_celery.transport.client_broker:Transport"
TRANSPORT_ALIASES[_ALIAS] = _NAME


class Channel(SendingChannel):
    """A client's channel. `app`: a function that returns the client's Celery application, whose results a purge writes."""

    app: Callable[[], Any]
    from_transport_options = (*SendingChannel.from_transport_options, "app")

    def result_backend(self) -> Any:
        """The backend of the client's application."""
        return self.app().backend


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel


def url_for(redis_url: str) -> dict[str, str]:
    """See `broker_options`."""
    return broker_options(redis_url, alias=_ALIAS, transport=_NAME)
