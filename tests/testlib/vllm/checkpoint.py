"""A checkpoint of DeepSeek-OCR, or of DeepSeek-OCR-2, so small that it loads in seconds on a CPU and always says the same.

vLLM's own model class loads it; only its vision towers are shrunk (plugin/). The language model follows the scripts of
vocabulary.py whatever the picture shows: it proves the road of a page, never how well pages are read.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tests.testlib.vllm.vocabulary import SCRIPTS, SIZE, vocabulary, write_tokenizer
from tests.testlib.vllm.weights import Weights

HIDDEN, LAYERS = 128, 2
TOWERS = {
    "sam": {"width": 32, "depth": 2, "heads": 1, "global": [1]},
    "clip": {"width": 64, "layers": 1, "heads": 1},
    "qwen": {
        "width": 64,
        "layers": 2,
        "heads": 2,
        "kv_heads": 1,
        "inner": 128,
    },  # what the second model has for the latter
}
_LANGUAGE = {
    "architectures": ["DeepseekV2ForCausalLM"],
    "model_type": "deepseek_v2",
    "vocab_size": SIZE,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HIDDEN // 64,
    "num_key_value_heads": HIDDEN // 64,
    "intermediate_size": 2 * HIDDEN,
    "first_k_dense_replace": 1,
    "moe_intermediate_size": HIDDEN,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "topk_method": "greedy",
    "max_position_embeddings": 8192,
    "rope_theta": 10000.0,
    # with these vLLM chooses plain attention, as for the real model
    **{"kv_lora_rank": None, "q_lora_rank": None, "qk_nope_head_dim": 0, "qk_rope_head_dim": 0, "v_head_dim": 0},
    "use_mla": False,
    **{"bos_token_id": 0, "eos_token_id": 1, "torch_dtype": "bfloat16"},
}


def write(folder: Path, *, second: bool = False) -> Path:
    """Write the checkpoint (`second`: of DeepSeek-OCR-2) into this folder (75 MB); returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = vocabulary()
    write_tokenizer(folder, ids)
    (folder / "config.json").write_text(json.dumps(_config(second)))
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 0, "eos_token_id": 1}))
    save_file(_tensors(ids, second), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _config(second: bool) -> dict[str, Any]:
    return {
        "architectures": ["DeepseekOCR2ForCausalLM" if second else "DeepseekOCRForCausalLM"],
        "model_type": "deepseek_vl_v2",
        "transformers_version": "5.0.0",  # else it is taken for an old Mistral, and a warning says so
        "tile_tag": "2D",
        "global_view_pos": "head",
        "candidate_resolutions": [[1024, 1024]],
        **{"bos_token_id": 0, "eos_token_id": 1, "torch_dtype": "bfloat16"},
        "language_config": _LANGUAGE,
        "projector_config": {
            "model_type": "mlp_projector",
            "projector_type": "linear",
            "input_dim": _seen(second),
            "n_embed": HIDDEN,
        },
        "vision_config": {"model_type": "vision", "model_name": "deeplip_b_l", "image_size": 1024},
        "tiny_towers": TOWERS,
    }


def _seen(second: bool) -> int:
    """How wide a token of the picture is: the first model puts what its two towers saw side by side."""
    return TOWERS["qwen"]["width"] if second else 2 * TOWERS["clip"]["width"]


def _tensors(ids: dict[str, int], second: bool) -> dict[str, torch.Tensor]:
    weights = Weights(seed=0)
    weights.sam("model.sam_model.", **TOWERS["sam"], out=TOWERS["qwen" if second else "clip"]["width"])
    if second:
        weights.qwen("model.qwen2_model.", **TOWERS["qwen"])
    else:
        weights.clip("model.vision_model.", **TOWERS["clip"])
        weights.random("model.image_newline", HIDDEN)
    weights.linear("model.projector.layers", HIDDEN, _seen(second))
    weights.random("model.view_seperator", HIDDEN)
    weights.random("model.embed_tokens.weight", SIZE, HIDDEN, spread=1.0)
    for layer in range(LAYERS):
        weights.language_layer(f"model.layers.{layer}.", _LANGUAGE, experts=layer >= 1)
    weights.norm("model.norm", HIDDEN, bias=False)
    weights.tensors["lm_head.weight"] = _successors(ids, weights.tensors["model.embed_tokens.weight"].float())
    return weights.tensors


def _successors(ids: dict[str, int], embedding: torch.Tensor) -> torch.Tensor:
    """The last layer: likeliest after a token is the one that follows it in its script."""
    head = torch.zeros_like(embedding)
    for first, script in SCRIPTS.items():
        for token, following in zip([first, *script], script, strict=False):
            head[ids[following]] += embedding[ids[token]] / HIDDEN
    return head.bfloat16()
