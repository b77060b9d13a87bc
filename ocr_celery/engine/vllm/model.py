"""Loads DeepSeek-OCR in vLLM and reads single pages: the only module that imports vLLM.

Its coroutines run in one event loop. vLLM batches the pages that are inside; each keeps its own
sampling parameters.
"""

import asyncio
import copy
from dataclasses import dataclass
from typing import Any

import torch
import vllm
from PIL import Image
from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.model_executor.models.deepseek_ocr import NGramPerReqLogitsProcessor
from vllm.platforms import current_platform
from vllm.renderers.inputs.preprocess import parse_model_prompt
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM

from ocr_celery.core.options import Options
from ocr_celery.core.reading import Reading
from ocr_celery.engine import revision
from ocr_celery.engine.vllm import token_budget
from ocr_celery.engine.vllm.config import VllmConfig
from ocr_celery.engine.vllm.tiling import BY_ARCHITECTURE, TilingScheme
from ocr_celery.errors import EngineFailed, Unreadable
from ocr_celery.settings import SettingsError

_REPEATABLE_TOKENS = ("<td>", "</td>")  # a table may repeat them without limit
_SHUTDOWN_TIMEOUT = 1.0  # seconds given to an orderly end of vLLM's processes


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A page in the form that vLLM takes."""

    rendered: Any  #: vLLM's own type: tokens and tiles
    answer_tokens: int  #: most tokens of the answer


class VllmModel:
    """The loaded model. The constructor blocks until it is loaded and raises what vLLM raises."""

    def __init__(self, config: VllmConfig) -> None:
        self.steps = 0  #: of the engine so far that gave a token
        self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**engine_arguments(config)))
        self._install_step_counter()
        self.revision = revision.of_model(config.path, f"vllm={vllm.__version__}", f"torch={torch.__version__}")
        self.tiling = _tiling_scheme(self._engine.model_config.architectures)
        self._tokenizer = copy.deepcopy(self._engine.get_tokenizer())  # vLLM uses the original in other threads
        ids = self._tokenizer.convert_tokens_to_ids(list(_REPEATABLE_TOKENS))
        self._repeatable_tokens = {token_id for token_id in ids if token_id not in (None, self._tokenizer.unk_token_id)}

    @property
    def is_dead(self) -> bool:
        """Whether a process of the engine has died."""
        return bool(self._engine.errored)

    def prompt_tokens(self, prompt: str) -> int:
        """The number of tokens of a prompt without those of the picture."""
        return len(self._tokenizer.encode(prompt)) - 1  # one is the picture's placeholder

    async def prepare(self, image: Image.Image, options: Options) -> PreparedPage:
        """Cut an RGB page into tiles and tokens. Raises `PromptTooLong`, `Unreadable`, and what vLLM raises."""
        image = await asyncio.to_thread(_validate_and_shrink, image, self.tiling)
        prompt_tokens = self.prompt_tokens(options.prompt)
        image_tokens = self.tiling.image_tokens(*image.size)
        max_model_len = self._engine.model_config.max_model_len  # vLLM may have lowered it to fit the memory
        answer_tokens = token_budget.answer_tokens(
            options.max_tokens, prompt=prompt_tokens, image=image_tokens, max_model_len=max_model_len
        )
        page = {"prompt": options.prompt, "multi_modal_data": {"image": image}}
        parsed = parse_model_prompt(self._engine.model_config, page)
        (rendered,) = await self._engine.renderer.render_cmpl_async([parsed])
        return PreparedPage(rendered, answer_tokens)

    async def read(self, request_id: str, page: PreparedPage, options: Options) -> Reading:
        """Read a page. Cancelling it frees its slot. Raises `EngineFailed`, and what vLLM raises."""
        sampling = self._sampling(options, page.answer_tokens)
        output = [o async for o in self._engine.generate(page.rendered, sampling, request_id)][-1]
        answer = output.outputs[0]
        if answer.finish_reason not in ("stop", "length"):
            raise EngineFailed
        return Reading(
            text=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=len(output.prompt_token_ids),
            output_tokens=len(answer.token_ids),
            max_tokens=page.answer_tokens if page.answer_tokens < options.max_tokens else 0,
        )

    def shut_down(self) -> None:
        """End vLLM's processes, in order if they can, and release what they share."""
        self._engine.shutdown(timeout=_SHUTDOWN_TIMEOUT)

    def _sampling(self, options: Options, answer_tokens: int) -> SamplingParams:
        return SamplingParams(
            temperature=options.temperature,
            max_tokens=answer_tokens,
            skip_special_tokens=False,  # the tags of the block language are special tokens
            output_kind=RequestOutputKind.FINAL_ONLY,
            extra_args={
                "ngram_size": options.ngram_size,
                "window_size": options.window_size,
                "whitelist_token_ids": self._repeatable_tokens,
            },
        )

    def _install_step_counter(self) -> None:
        """Count the messages of the engine process: one for each step that gave a token to any page.

        Following the tokens of each page instead would wake every page's coroutine at every step, and
        vLLM's logger of statistics would gather and export all of them.
        """
        core = self._engine.engine_core
        get = core.get_output_async

        async def counted() -> Any:
            outputs = await get()
            self.steps += 1
            return outputs

        core.get_output_async = counted


def _tiling_scheme(architectures: list[str]) -> TilingScheme:
    for name in architectures:
        if name in BY_ARCHITECTURE:
            return BY_ARCHITECTURE[name]
    raise SettingsError(
        f"OCR_MODEL_PATH: got a model of class {', '.join(architectures)}, wants {' or '.join(BY_ARCHITECTURE)}"
    )


def engine_arguments(config: VllmConfig) -> dict[str, Any]:
    """The arguments of vLLM's `EngineArgs` for this configuration."""
    return {
        "model": config.path,
        "max_model_len": config.max_model_len,
        "max_num_seqs": config.capacity,
        "gpu_memory_utilization": config.gpu_memory_utilization,
        "tensor_parallel_size": config.tensor_parallel_size,
        "limit_mm_per_prompt": {"image": 1},
        "logits_processors": [NGramPerReqLogitsProcessor],
        # no two pages are alike: a cache of earlier prompts and pictures costs time and never hits
        "enable_prefix_caching": False,
        "mm_processor_cache_gb": 0,
        "disable_log_stats": True,
        "enforce_eager": current_platform.is_cpu(),  # compiling for a CPU needs a C++ compiler
    }


def _validate_and_shrink(image: Image.Image, tiling: TilingScheme) -> Image.Image:
    """The picture without the pixels that vLLM would drop, more slowly and on one thread for all pages.

    Raises `Unreadable` for pictures that vLLM would accept and misread.
    """
    if image.mode != "RGB" or min(image.size) < 1:
        raise Unreadable
    try:
        image.load()
    except OSError:
        raise Unreadable from None
    size = tiling.useful_size(*image.size)
    return image.resize(size) if size != image.size else image
