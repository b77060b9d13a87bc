"""Shrinks the two vision towers of DeepSeek-OCR, whose sizes vLLM does not take from the checkpoint.

vLLM calls `register` in each of its processes (entry point ``vllm.general_plugins``) when this folder is on PYTHONPATH.
A checkpoint without ``tiny_towers`` in its config.json is left alone.
"""

from functools import partial, wraps
from typing import Any


def register() -> None:
    """Wrap the constructor of the model; once."""
    from vllm.model_executor.models import deepseek_ocr as module

    model = module.DeepseekOCRForCausalLM
    original = model.__init__
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def shrunk(self: Any, *, vllm_config: Any, prefix: str = "") -> None:
        tiny = getattr(vllm_config.model_config.hf_config, "tiny_towers", None)
        if tiny is None:
            return original(self, vllm_config=vllm_config, prefix=prefix)
        sam, clip = module.build_sam_vit_b, module.CLIPVisionConfig
        module.build_sam_vit_b, module.CLIPVisionConfig = partial(_sam, tiny), partial(_clip, tiny, clip)
        try:
            return original(self, vllm_config=vllm_config, prefix=prefix)
        finally:
            module.build_sam_vit_b, module.CLIPVisionConfig = sam, clip

    model.__init__ = shrunk


def _sam(tiny: dict[str, Any]) -> Any:
    from torch.nn import LayerNorm
    from vllm.model_executor.models.deepencoder import ImageEncoderViT

    sam = tiny["sam"]
    return ImageEncoderViT(
        depth=sam["depth"],
        embed_dim=sam["width"],
        num_heads=sam["heads"],
        global_attn_indexes=tuple(sam["global"]),
        window_size=14,
        use_rel_pos=True,
        norm_layer=partial(LayerNorm, eps=1e-6),
        last_conv_output=tiny["clip"]["width"],
    )


def _clip(tiny: dict[str, Any], config: Any, **given: Any) -> Any:
    clip = tiny["clip"]
    smaller = {
        "hidden_size": clip["width"],
        "intermediate_size": 4 * clip["width"],
        "num_attention_heads": clip["heads"],
        "num_hidden_layers": clip["layers"],
    }
    return config(**{**given, **smaller})
