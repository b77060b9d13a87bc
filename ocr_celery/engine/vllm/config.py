"""What a vLLM engine loads, and how much of the machine it may take."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmConfig:
    """The model and its limits."""

    path: str  #: a name on the Hugging Face hub or a folder
    capacity: int  #: most pages inside at once
    max_model_len: int  #: tokens of prompt, picture and answer together
    gpu_memory_utilization: float  #: fraction of the GPU's memory, 0 to 1
    tensor_parallel_size: int  #: GPUs that share one model
    cache_dir: Path | None = None  #: for compiled code; None: vLLM's own folder
