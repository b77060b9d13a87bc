"""Which model an engine has loaded, exactly: of two that might answer differently, no two have the same revision.

The other way round it need not be so: a folder that was copied counts as another model, and its pages are read again.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def of_files(files: Iterable[Path], *programs: str) -> str:
    """By the contents of these files, which are small, and the programs that use them, with their versions. Raises `OSError`."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return " ".join([digest.hexdigest(), *programs])


def of_model(model: str, *programs: str) -> str:
    """Of a folder by its files' names, sizes and times; of a name on the Hugging Face hub by the commit that is in its cache.

    "" where there is none: it was loaded from elsewhere. Raises `OSError`.
    """
    folder = Path(model)
    known = _of_folder(folder) if folder.is_dir() else _commit(model)
    return " ".join([known, *programs]) if known else ""


def _of_folder(folder: Path) -> str:
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    listed = "\n".join(f"{name!r} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    return hashlib.sha256(listed.encode()).hexdigest()


def _commit(model: str) -> str:
    from huggingface_hub import try_to_load_from_cache  # installed with vLLM

    config = try_to_load_from_cache(model, "config.json")
    return Path(config).parent.name if isinstance(config, str) else ""
