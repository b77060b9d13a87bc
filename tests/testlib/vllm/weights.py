"""The tensors of a small DeepSeek-OCR by name, random and the same each time."""

from collections.abc import Sequence
from typing import Any

import torch

_QUIET = 0.002  # what a layer adds to the last token's embedding, which must stay in charge


class Weights:
    """Collects tensors in bfloat16."""

    def __init__(self, seed: int) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._generator = torch.Generator().manual_seed(seed)

    def random(self, name: str, *shape: int, spread: float = 0.02) -> None:
        self.tensors[name] = (torch.randn(*shape, generator=self._generator) * spread).bfloat16()

    def linear(self, name: str, out: int, into: int, *, bias: bool = True, spread: float = 0.02) -> None:
        self.random(f"{name}.weight", out, into, spread=spread)
        if bias:
            self.tensors[f"{name}.bias"] = torch.zeros(out, dtype=torch.bfloat16)

    def norm(self, name: str, size: int, *, bias: bool = True) -> None:
        self.tensors[f"{name}.weight"] = torch.ones(size, dtype=torch.bfloat16)
        if bias:
            self.tensors[f"{name}.bias"] = torch.zeros(size, dtype=torch.bfloat16)

    def sam(self, p: str, *, width: int, depth: int, heads: int, out: int, **other: Sequence[int]) -> None:
        """The tower that looks at pixels."""
        self.random(f"{p}patch_embed.proj.weight", width, 3, 16, 16)
        self.tensors[f"{p}patch_embed.proj.bias"] = torch.zeros(width, dtype=torch.bfloat16)
        self.random(f"{p}pos_embed", 1, 64, 64, width)
        for i in range(depth):
            block, window = f"{p}blocks.{i}.", 64 if i in other["global"] else 14
            self.norm(f"{block}norm1", width)
            self.norm(f"{block}norm2", width)
            self.linear(f"{block}attn.qkv", 3 * width, width)
            self.linear(f"{block}attn.proj", width, width)
            for axis in "hw":
                self.random(f"{block}attn.rel_pos_{axis}", 2 * window - 1, width // heads)
            self.linear(f"{block}mlp.lin1", 4 * width, width)
            self.linear(f"{block}mlp.lin2", width, 4 * width)
        for name, shape in {"0": (256, width, 1, 1), "2": (256, 256, 3, 3)}.items():
            self.random(f"{p}neck.{name}.weight", *shape)
            self.norm(f"{p}neck.{int(name) + 1}", 256)
        self.random(f"{p}net_2.weight", 512, 256, 3, 3)
        self.random(f"{p}net_3.weight", out, 512, 3, 3)

    def clip(self, p: str, *, width: int, layers: int, **_: int) -> None:
        """The tower that looks at what the first one saw. How many heads it has changes no shape."""
        self.random(f"{p}embeddings.class_embedding", width)
        self.random(f"{p}embeddings.patch_embedding.weight", width, 3, 14, 14)
        self.random(f"{p}embeddings.position_embedding.weight", 257, width)
        self.norm(f"{p}pre_layrnorm", width)
        for i in range(layers):
            layer = f"{p}transformer.layers.{i}."
            self.linear(f"{layer}self_attn.qkv_proj", 3 * width, width)
            self.linear(f"{layer}self_attn.out_proj", width, width)
            self.norm(f"{layer}layer_norm1", width)
            self.norm(f"{layer}layer_norm2", width)
            self.linear(f"{layer}mlp.fc1", 4 * width, width)
            self.linear(f"{layer}mlp.fc2", width, 4 * width)

    def qwen(self, p: str, *, width: int, layers: int, heads: int, kv_heads: int, inner: int) -> None:
        """The tower of the second model, which asks the first one a fixed list of questions."""
        self.random(f"{p}query_768.weight", 144, width)
        self.random(f"{p}query_1024.weight", 256, width)
        for i in range(layers):
            layer = f"{p}model.model.layers.{i}."
            self.linear(f"{layer}self_attn.q_proj", width, width)
            for name in ("k_proj", "v_proj"):
                self.linear(f"{layer}self_attn.{name}", kv_heads * width // heads, width)
            self.linear(f"{layer}self_attn.o_proj", width, width, bias=False)
            self.norm(f"{layer}input_layernorm", width, bias=False)
            self.norm(f"{layer}post_attention_layernorm", width, bias=False)
            self._mlp(f"{layer}mlp.", width, inner)
        self.norm(f"{p}model.model.norm", width, bias=False)

    def language_layer(self, p: str, config: dict[str, Any], *, experts: bool) -> None:
        hidden, inner = config["hidden_size"], config["moe_intermediate_size"]
        for name in ("q_proj", "k_proj", "v_proj"):
            self.linear(f"{p}self_attn.{name}", hidden, hidden, bias=False)
        self.linear(f"{p}self_attn.o_proj", hidden, hidden, bias=False, spread=_QUIET)
        self.norm(f"{p}input_layernorm", hidden, bias=False)
        self.norm(f"{p}post_attention_layernorm", hidden, bias=False)
        if not experts:
            self._mlp(f"{p}mlp.", hidden, config["intermediate_size"])
            return
        self.random(f"{p}mlp.gate.weight", config["n_routed_experts"], hidden)
        for expert in range(config["n_routed_experts"]):
            self._mlp(f"{p}mlp.experts.{expert}.", hidden, inner)
        self._mlp(f"{p}mlp.shared_experts.", hidden, inner * config["n_shared_experts"])

    def _mlp(self, p: str, hidden: int, inner: int) -> None:
        self.linear(f"{p}gate_proj", inner, hidden, bias=False)
        self.linear(f"{p}up_proj", inner, hidden, bias=False)
        self.linear(f"{p}down_proj", hidden, inner, bias=False, spread=_QUIET)
