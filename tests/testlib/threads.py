"""What tests say of their own threads."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

Start = Callable[..., Future[Any]]  #: ``start(function, …)`` calls it in a thread
