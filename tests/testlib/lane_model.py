"""The rule of the fair lanes in plain Python: what the Lua functions of store/lanes.py do, said once more."""

from collections import deque
from dataclasses import dataclass, field

from ocr_celery.core.lane_weights import BULK, SINGLE, stride

QUEUE = ""  #: the name of the queue's own list


@dataclass
class LaneModel:
    """A queue and its lanes."""

    lists: dict[str, deque[str]] = field(default_factory=lambda: {name: deque() for name in (QUEUE, SINGLE, BULK)})
    passes: dict[str, float] = field(default_factory=dict)

    def send(self, lane: str, *messages: str) -> None:
        """What the step does that takes pages in."""
        self.lists[lane].extend(messages)
        self._show_next()

    def push(self, message: str) -> None:
        """What a program does that knows no lanes."""
        self.lists[QUEUE].append(message)

    def take(self, most: int) -> list[str]:
        """What the step does that takes messages."""
        self._join(SINGLE)
        self._join(BULK)
        taken: list[str] = []
        while len(taken) < most and (message := self._next()):
            taken.append(message)
        self._show_next()
        return taken

    def _next(self) -> str | None:
        if len(self.lists[QUEUE]) == 1:
            return self.lists[QUEUE].popleft()
        self._join(QUEUE)
        return self._by_pass()

    def _show_next(self) -> None:
        if self.lists[QUEUE]:
            return
        self._join(SINGLE)
        self._join(BULK)
        if message := self._by_pass():
            self.lists[QUEUE].append(message)

    def _join(self, name: str) -> None:
        if self.lists[name] and name not in self.passes:
            self.passes[name] = min(self.passes.values(), default=0) - 1 / stride(name)

    def _by_pass(self) -> str | None:
        while self.passes:
            # Redis orders what has the same pass by name: the queue's is "ocr", those of its lanes begin with "{"
            name = min(self.passes, key=lambda name: (self.passes[name], name))
            if self.lists[name]:
                self.passes[name] += stride(name)
                return self.lists[name].popleft()
            del self.passes[name]
        return None
