"""A Redis that answers, but not as wished: full, read-only, loading, with another password."""

from case import case, now
from flow import NotNow
from nodes import until
from scene import Scene


@case("Redis full", short=2, long=10)
def full(scene: Scene, rounds: int) -> None:
    worker = scene.worker()
    facade = scene.facade()
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            scene.redis.client.config_set("maxmemory", scene.redis.client.info("memory")["used_memory"] // 2)
            refused = flow.refused
            until(lambda refused=refused: flow.refused > refused + 40, what="pages are refused")
            scene.redis.client.config_set("maxmemory", 0)
            scene.recovers(now())
    assert not flow.errors
    print(worker.log[-6000:])
    assert worker.process.poll() is None
