"""Where rapidocr's wheel has its models' files, found without importing rapidocr, which takes a second or two."""

from importlib.util import find_spec
from pathlib import Path


def _find_folder() -> Path:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise ImportError("rapidocr is not installed")
    return Path(spec.origin).parent / "models"


_FOLDER = _find_folder()
MODEL_FILES = {
    "Det": _FOLDER / "PP-OCRv6_det_small.onnx",
    "Cls": _FOLDER / "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": _FOLDER / "PP-OCRv6_rec_small.onnx",
}
