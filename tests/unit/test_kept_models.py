"""What the benchmark of layout keeps is asked of the models once."""

from pathlib import Path

from benchmarks.layout import KeptModels
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.pipeline import read_page
from tests.testlib.line_models import PlannedModels

PLAN = [(f"line {n} of a page that is read", (40.0, 30.0 * n, 360.0, 30.0 * n + 20)) for n in range(1, 8)]


class Silent(PlannedModels):
    """Cuts lines out, as the benchmark does each time, and is asked for nothing else."""

    detect_lines = classify_inverted = recognize = find_regions = None  # type: ignore[assignment]

    def crop_lines(self, image, boxes):  # type: ignore[no-untyped-def]
        return PlannedModels(self.plan).crop_lines(image, boxes)


def test_a_page_is_read_again_without_its_models(tmp_path: Path) -> None:
    models = PlannedModels(PLAN, regions=[Region("figure", (40.0, 300.0, 360.0, 400.0), 0.9)])
    kept = KeptModels(models, tmp_path / "kept")
    first = read_page(kept, models.page(), blocks=True)
    kept.commit()
    assert first == read_page(models, models.page(), blocks=True)
    assert read_page(KeptModels(Silent(PLAN), tmp_path / "kept"), models.page(), blocks=True) == first
