"""URLs whose hosts hang, drip, swell or refuse: their pages fail, each by itself, and all others flow."""

import time

from tests.faults.case import case, now
from tests.faults.scene import Scene
from tests.faults.source import Source
from tests.testlib.processes import until

TIMEOUT = 3.0  #: seconds for a download


@case("URLs of a host that hangs (rounds × 100), other pages flow", short=2, long=5, within=10)
def hanging(scene: Scene, rounds: int) -> None:
    source = scene.enter_context(Source())
    scene.worker(OCR_IMAGE_DOWNLOAD_TIMEOUT=30)
    with scene.flow():
        alone = pages_per_second(scene)
        batch, began = scene.client.submit_batch([f"{source.url}/hang/{n}" for n in range(100 * rounds)]), now()
        until(lambda: pages_per_second(scene) > 0.8 * alone, what="pages flow at the speed that they had")
        scene.recovered.append(now() - began)
        until(lambda: scene.client.look_up_batch(batch).status == "failed", timeout=100 + 60 * rounds)
    for url, view in scene.client.look_up_batch(batch).items:
        scene.ledger.accept(view.id, "!download_timeout")
        assert url


def pages_per_second(scene: Scene, seconds: float = 2) -> float:
    """Of what flows now."""
    before = len(scene.witness.finished)
    time.sleep(seconds)
    return (len(scene.witness.finished) - before) / seconds


@case("hostile sources in one batch with good ones", short=1, long=3)
def hostile(scene: Scene, rounds: int) -> None:
    source = scene.enter_context(Source())
    scene.worker(OCR_IMAGE_DOWNLOAD_TIMEOUT=TIMEOUT, OCR_MAX_IMAGE_SIZE_MB=1)
    expected = {
        "drip": "!download_timeout",
        "endless": "!file_too_large",
        "bomb": "!file_too_large",
        "short": "!download_failed",
        "429": "!download_failed",
        "503": "!download_failed",
        "404": "!source_refused",
        "loop": "!too_many_redirects",
        "text": "!not_an_image",
        "busy/120": "page of 120 x 20, n",
        "130": "page of 130 x 20, n",
    }
    for _ in range(rounds):
        source.asked.clear()
        batch = scene.client.submit_batch([f"{source.url}/{path}" for path in expected], prompt="n")
        for (_, view), wanted in zip(scene.client.look_up_batch(batch).items, expected.values(), strict=True):
            scene.ledger.accept(view.id, wanted)
        until(lambda batch=batch: scene.client.look_up_batch(batch).status == "completed", timeout=120)
        assert source.asked["/503"] == source.asked["/429"] == 4, "tried again, three times"
        assert source.asked["/busy/120"] == 2
