"""Lets torchvision, whose wheels are built for GPUs, be imported beside a torch that is built for CPUs.

Its compiled part cannot be loaded there, and then the import fails for two operators that it lacks. Declaring them
is enough for all that is plain Python, which is all that vLLM uses. Started by a .pth file in each process of the virtual
environment of `make test-vllm`; does nothing until torchvision is imported.
"""

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class _BeforeTorchvision(MetaPathFinder):
    def find_spec(self, name: str, *_: Any, **__: Any) -> None:
        if name != "torchvision":
            return
        sys.meta_path.remove(self)
        import torch

        if not torch.version.cuda:
            for operator in ("nms", "qnms"):
                schema = f"torchvision::{operator}"
                torch.library.define(schema, "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, _BeforeTorchvision())
