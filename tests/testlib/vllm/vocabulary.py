"""The words of the generated checkpoint: bytes, DeepSeek-OCR's special tokens at their real ids, and a few scripts.

The model is a chain: each token has one successor, and what the prompt ends with chooses the script.
"""

import json
from pathlib import Path
from typing import Any

SIZE = 129_280  #: as in the real model
BEGIN, END, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"
SPECIAL = {
    "<image>": 128815,
    "<|ref|>": 128816,
    "<|/ref|>": 128817,
    "<|det|>": 128818,
    "<|/det|>": 128819,
    "<|grounding|>": 128820,
    "<td>": 128821,
    "</td>": 128822,
    "<tr>": 128823,
    "</tr>": 128824,
    "<|User|>": 128825,
    "<|Assistant|>": 128826,
}
_FIRST_WORD = 300

SPACE = "Ġ"  # how a byte-level tokenizer writes it
_SENTENCE = "the quick brown fox jumps over a lazy dog while nobody looks"
_SHORT = [f"{SPACE}{word}" for word in _SENTENCE.split()]
_LAYOUT = [
    *("<|ref|>", f"{SPACE}title", "<|/ref|>", "<|det|>", "[[12,", "30,", "400,", "60]]", "<|/det|>"),
    *(f"{SPACE}line{n}" for n in range(180)),
]
_ROUND = [f"{SPACE}{word}" for word in ("round", "and", "again", "always")]
_CELLS = ["<td>", "</td>"]

#: what a prompt ends with, and what follows: twelve words; a page of 189 tokens; four words without end; cells without end
SCRIPTS = {
    ".": [*_SHORT, END],
    SPACE: [*_LAYOUT, END],
    "!": [*_ROUND, _ROUND[0]],
    "?": [*_CELLS, _CELLS[0]],
}


def vocabulary() -> dict[str, int]:
    """Every token and its id, without a gap."""
    words = dict.fromkeys(word for script in SCRIPTS.values() for word in script if word not in (*SPECIAL, END))
    ids = {BEGIN: 0, END: 1, PAD: 2, **SPECIAL}
    ids |= {character: 3 + n for n, character in enumerate(_byte_characters())}
    ids |= {word: _FIRST_WORD + n for n, word in enumerate(words)}
    used = set(ids.values())
    return ids | {f"<filler {n}>": n for n in range(SIZE) if n not in used}


def write_tokenizer(folder: Path, ids: dict[str, int]) -> None:
    """tokenizer.json and tokenizer_config.json: text becomes bytes, one token each; no merges."""
    added = [
        {
            **{"id": ids[token], "content": token, "special": token in (BEGIN, END, PAD, "<image>")},
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
        }
        for token in (BEGIN, END, PAD, *SPECIAL)
    ]
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    model = {
        **{"type": "BPE", "vocab": ids, "merges": [], "fuse_unk": False, "byte_fallback": False},
        **dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")),
    }
    tokenizer = {
        **{"version": "1.0", "added_tokens": added, "model": model, "pre_tokenizer": bytewise, "decoder": bytewise},
        **dict.fromkeys(("truncation", "padding", "normalizer")),
        "post_processor": _begun(),
    }
    config = {
        **{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 8192},
        **{"bos_token": BEGIN, "eos_token": END, "pad_token": PAD},
        **{"add_bos_token": True, "add_eos_token": False, "clean_up_tokenization_spaces": False},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False))


def _begun() -> dict[str, Any]:
    """Puts the token of the beginning in front, as the real tokenizer does."""
    begin, text = {"SpecialToken": {"id": BEGIN, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    special = {BEGIN: {"id": BEGIN, "ids": [0], "tokens": [BEGIN]}}
    return {"type": "TemplateProcessing", "single": [begin, text], "pair": [begin, text], "special_tokens": special}


def _byte_characters() -> list[str]:
    """The printable character that a byte-level tokenizer writes for each byte; `SPACE` for 32."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte if byte in shown else next(spare)) for byte in range(256)]
