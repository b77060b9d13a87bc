"""Takes new tasks into the service: counted, recorded and queued in one step, or refused together."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, cast

from redis import Redis
from redis.exceptions import NoScriptError

from ocr_celery.store import scripts
from ocr_celery.store.files.in_redis import PART, RedisStore
from ocr_celery.store.keys import Keys
from ocr_celery.store.lanes import Lanes

_UNTIL_ACCEPTED = 60  #: seconds that an image stays whose task is not taken in, as the sender's process died between
_NONE: Mapping[str, str] = MappingProxyType({})
META_KEEP = 86400  #: seconds, where the caller stores no record of Celery's


class Admission:
    """Admits or refuses the new tasks of one service. `keep`: seconds that the record of a refused task stays."""

    def __init__(self, redis: Redis, keys: Keys, lanes: Lanes, *, keep: int) -> None:
        self._redis, self._keys, self._lanes, self._keep = redis, keys, lanes, keep
        self._admit = redis.register_script(scripts.ADMIT)

    def admit(
        self,
        ids: Sequence[str],
        publish: Sequence[tuple[str, str, str]],
        *,
        now: float,
        limit: int = 0,
        blob: bytes = b"",
        batch: tuple[str, str, int] | None = None,
        sources: Sequence[str] = (),
        refused: Mapping[str, str] = _NONE,
        meta_keep: int = META_KEEP,
    ) -> tuple[bool, int]:
        """Count, record and queue new tasks in one step. Answers (taken in?, unfinished tasks now).

        `blob`: the image of the only task. `batch`: id, value and seconds to keep of the record that names them all.
        `sources`: what is shown of where each comes from. `refused`: of those that are final at once and are not queued,
        Celery's record by id, which is kept for `meta_keep` seconds.
        """
        counted = self._keys.all_counted
        names = [counted[0], counted[1], counted[3], *map(self._keys.task, ids)]
        names += [self._keys.blob(ids[0])] if blob else []
        names += [self._keys.batch(batch[0])] if batch else []
        names += [self._keys.meta(id) for id in ids if id in refused]
        args: list[Any] = [now, limit, int(bool(blob)), len(ids), *((batch[2], batch[1]) if batch else (0, ""))]
        args += [self._keep, meta_keep, self._lanes.strides]
        for id, source in zip_longest(ids, sources, fillvalue=""):
            args += [id, source, refused.get(id, "")]
        index = {key: len(names) + i for i, key in enumerate(dict.fromkeys(key for _, key, _ in publish), start=1)}
        names += [*index, *self._lanes.keys]
        for command, key, payload in publish:
            args += [command, index[key], payload]
        taken, open = self._admit_with_image(ids[0], blob, names, args) if blob else self._admit(keys=names, args=args)
        return bool(taken), open

    def _admit_with_image(self, id: str, blob: bytes, names: list[str], args: list[Any]) -> list[int]:
        """The same with an image, stored by a separate command: a script would copy it twice more."""
        if len(blob) > PART:  # which takes longer than one command may
            RedisStore(self._redis, self._keys).put(id, blob)
            return cast(list[int], self._admit(keys=names, args=args))
        with self._redis.pipeline(transaction=False) as pipe:
            # a retry must not replace what the first attempt stored
            pipe.set(names[4], blob, ex=_UNTIL_ACCEPTED, nx=True)
            pipe.evalsha(self._admit.sha, len(names), *names, *args)
            try:
                return cast(list[int], pipe.execute()[1])
            except NoScriptError:  # a Redis that has just been started
                return cast(list[int], self._admit(keys=names, args=args))
