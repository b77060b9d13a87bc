"""What was accepted, and what has become of each page of it: finished once with the right content, and nothing left over."""

import time
from dataclasses import dataclass, field

from redis import Redis

from ocr_celery.client import Client
from ocr_celery.core.status import Status, TaskView
from ocr_celery.errors import ResultExpired, TaskNotFound
from tests.faults.witness import Witness
from tests.testlib.processes import keys, waiting

PATIENCE = 45.0  #: seconds without any page being finished after which what is open is stuck


@dataclass(slots=True)
class Account:
    """Of one case. All but `accepted`, `once`, `again` and `recovered` should be empty or 0."""

    accepted: int = 0
    once: int = 0  #: finished exactly once, as expected
    again: int = 0  #: read again after its worker was lost; allowed, and stored once
    lost: list[str] = field(default_factory=list)  #: unknown, or failed for a reason that is not the page's own
    twice: list[str] = field(default_factory=list)  #: its end was stored more than once
    stuck: list[str] = field(default_factory=list)  #: never finished
    wrong: list[str] = field(default_factory=list)  #: finished with something else than is on the page
    left: list[str] = field(default_factory=list)  #: what remains in Redis of finished tasks
    recovered: list[float] = field(default_factory=list)  #: seconds, once a round
    notes: dict[str, object] = field(default_factory=dict)  #: what else was measured

    def faults(self) -> dict[str, list[str]]:
        """What must not be."""
        names = ("lost", "twice", "stuck", "wrong", "left")
        return {name: found[:5] for name in names if (found := getattr(self, name))}


class Ledger:
    """Pages and what each should come to: a text, or ``!code`` for one that should fail."""

    def __init__(self) -> None:
        self.expected: dict[str, str] = {}
        self.settled = 0  #: pages of which no more is looked for

    @property
    def accepted(self) -> int:
        """Pages that were taken in so far."""
        return self.settled + len(self.expected)

    def settle(self, witness: Witness, *, but: int) -> None:
        """Account for all but the newest by what the witness heard: their results are about to expire."""
        twice = witness.twice()
        for id in list(self.expected)[: len(self.expected) - but]:
            if witness.said.get(id) == self.expected[id] and id not in twice:
                del self.expected[id]
                self.settled += 1

    def accept(self, id: str, expected: str) -> None:
        """The caller was told that this page is taken in."""
        self.expected[id] = expected

    def close(self, client: Client, witness: Witness) -> Account:
        """Wait until nothing more happens, and say what has become of all."""
        account = Account(accepted=self.accepted, once=self.settled)
        views = self._final(client, witness)
        twice = witness.twice()
        for id, wanted in self.expected.items():
            kind = "twice" if id in twice else _judge(views.get(id), wanted)
            if kind == "once":
                account.once += 1
            else:
                getattr(account, kind).append(f"{id}: {_said(views.get(id))}, wanted {wanted}")
        account.twice += [f"{id}: settled before" for id in twice - self.expected.keys()]
        account.left = left_over(client.redis)
        return account

    def _final(self, client: Client, witness: Witness) -> dict[str, TaskView]:
        """How each stands once all are final, or nothing has happened for long."""
        views: dict[str, TaskView] = {}
        began, open_ids = time.monotonic(), set(self.expected)
        while open_ids and time.monotonic() - max(began, witness.last) < PATIENCE:
            views.update((id, view) for id in open_ids if (view := _look_up(client, id)))
            open_ids = {id for id in open_ids if id not in views or not views[id].status.final}
            time.sleep(0.1)
        return views


def _look_up(client: Client, id: str) -> TaskView | None:
    try:
        return client.look_up(id)
    except (TaskNotFound, ResultExpired):
        return None


def _judge(view: TaskView | None, wanted: str) -> str:
    if view is None:
        return "lost"
    if not view.status.final:
        return "stuck"
    if view.error is not None:
        return "once" if wanted == f"!{view.error.code}" else "lost"
    return "once" if view.result is not None and view.result["text"] == wanted else "wrong"


def _said(view: TaskView | None) -> str:
    if view is None:
        return "nothing is known of it"
    return view.error.code if view.error else f"{view.status} {view.result and view.result['text']}"


def left_over(redis: Redis, *, patience: float = 15) -> list[str]:
    """What is still waiting, held, open or stored although all is finished; asked until there is nothing."""
    end = time.monotonic() + patience
    while (found := _left_over(redis)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _left_over(redis: Redis) -> list[str]:
    sizes = {f"open: {status}": redis.zcard(keys.counted(status)) for status in (Status.PENDING, Status.PROCESSING)}
    sizes["waiting"] = len(waiting(redis))
    for key in redis.scan_iter(keys.unacked("*"), count=1000):
        sizes[f"held: {key.decode()}"] = redis.hlen(key)
    sizes["open documents"] = redis.zcard(keys.documents)
    sizes["images"] = sum(redis.ttl(key) < 0 for key in redis.scan_iter(keys.file("*"), count=1000))
    return [f"{what}: {count}" for what, count in sizes.items() if count]
