"""Shrinks the vision towers of DeepSeek-OCR and DeepSeek-OCR-2, whose sizes vLLM does not take from the checkpoint.

vLLM calls `register` in each of its processes (entry point ``vllm.general_plugins``) when this folder is on PYTHONPATH.
A checkpoint without ``tiny_towers`` in its config.json is left alone.
"""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

Shrunk = dict[str, Callable[..., Any]]  # name in the model's module → what makes a smaller one


def register() -> None:
    """Wrap the constructors of both models; once."""
    from vllm.model_executor.models import deepseek_ocr as first
    from vllm.model_executor.models import deepseek_ocr2 as second

    _wrap(first.DeepseekOCRForCausalLM, first, _towers_of_first)
    _wrap(second.DeepseekOCR2ForCausalLM, second, _towers_of_second)


def _wrap(model: Any, module: Any, towers: Callable[[Any, dict[str, Any]], Shrunk]) -> None:
    original = model.__init__
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def shrunk(self: Any, *, vllm_config: Any, prefix: str = "") -> None:
        tiny = getattr(vllm_config.model_config.hf_config, "tiny_towers", None)
        if tiny is None:
            return original(self, vllm_config=vllm_config, prefix=prefix)
        smaller = towers(module, tiny)
        before = {name: getattr(module, name) for name in smaller}
        vars(module).update(smaller)
        try:
            return original(self, vllm_config=vllm_config, prefix=prefix)
        finally:
            vars(module).update(before)

    model.__init__ = shrunk


def _towers_of_first(module: Any, tiny: dict[str, Any]) -> Shrunk:
    return {
        "build_sam_vit_b": partial(_sam, tiny["sam"], tiny["clip"]["width"]),
        "CLIPVisionConfig": partial(_clip, tiny["clip"], module.CLIPVisionConfig),
    }


def _towers_of_second(module: Any, tiny: dict[str, Any]) -> Shrunk:
    qwen = tiny["qwen"]
    smaller = {
        "decoder_layer": qwen["layers"],
        "hidden_dimension": qwen["width"],
        "num_attention_heads": qwen["heads"],
        "num_key_value_heads": qwen["kv_heads"],
        "intermediate_size": qwen["inner"],
    }
    return {
        "ImageEncoderViT": partial(_sam, tiny["sam"], qwen["width"]),
        "build_qwen2_decoder_as_encoder": partial(module.build_qwen2_decoder_as_encoder, **smaller),
    }


def _sam(sam: dict[str, Any], out: int, **_: Any) -> Any:
    from torch.nn import LayerNorm
    from vllm.model_executor.models.deepencoder import ImageEncoderViT

    return ImageEncoderViT(
        depth=sam["depth"],
        embed_dim=sam["width"],
        num_heads=sam["heads"],
        global_attn_indexes=tuple(sam["global"]),
        window_size=14,
        use_rel_pos=True,
        norm_layer=partial(LayerNorm, eps=1e-6),
        last_conv_output=out,
    )


def _clip(clip: dict[str, Any], config: Any, **given: Any) -> Any:
    smaller = {
        "hidden_size": clip["width"],
        "intermediate_size": 4 * clip["width"],
        "num_attention_heads": clip["heads"],
        "num_hidden_layers": clip["layers"],
    }
    return config(**{**given, **smaller})
