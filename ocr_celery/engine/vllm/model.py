"""DeepSeek-OCR in vLLM, one page at a time: the only module that knows vLLM.

Runs in an event loop. vLLM puts the pages that are inside together; each keeps its own sampling.
"""

import asyncio
import copy
from dataclasses import dataclass
from typing import Any

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
from ocr_celery.engine.vllm import token_budget
from ocr_celery.engine.vllm.config import VllmConfig
from ocr_celery.engine.vllm.tiling import BY_ARCHITECTURE, TilingScheme
from ocr_celery.errors import EngineFailed, Unreadable
from ocr_celery.settings import SettingsError

_REPEATABLE_TOKENS = ("<td>", "</td>")  # tables repeat them without end, and may
_SHUTDOWN_TIMEOUT = 1.0  # seconds for an orderly end of vLLM's processes


@dataclass(frozen=True, slots=True)
class PreparedPage:
    """A page as vLLM takes it."""

    rendered: Any  #: tokens and tiles
    answer_tokens: int  #: tokens of answer


class VllmModel:
    """The loaded model. Making one blocks until it is loaded, and raises what vLLM raises."""

    def __init__(self, config: VllmConfig) -> None:
        self.steps = 0  #: steps of the engine that gave a token so far
        self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**engine_arguments(config)))
        self._count_steps()
        self.tiling = _tiling_scheme(self._engine.model_config.architectures)
        self._tokenizer = copy.deepcopy(self._engine.get_tokenizer())  # vLLM uses its own in other threads
        ids = self._tokenizer.convert_tokens_to_ids(list(_REPEATABLE_TOKENS))
        self._repeatable_tokens = {token_id for token_id in ids if token_id not in (None, self._tokenizer.unk_token_id)}

    @property
    def is_dead(self) -> bool:
        """Whether a process of the engine has died."""
        return bool(self._engine.errored)

    def prompt_tokens(self, prompt: str) -> int:
        """The tokens of a prompt without those of the picture."""
        return len(self._tokenizer.encode(prompt)) - 1  # one stands for the picture

    async def prepare(self, image: Image.Image, options: Options) -> PreparedPage:
        """An RGB page, cut into tiles and tokens. Raises `PromptTooLong`, `Unreadable`, and whatever vLLM raises."""
        image = await asyncio.to_thread(_validate_and_shrink, image, self.tiling)
        prompt_tokens = self.prompt_tokens(options.prompt)
        image_tokens = self.tiling.image_tokens(*image.size)
        max_model_len = self._engine.model_config.max_model_len  # vLLM may have lowered it to what the memory holds
        answer_tokens = token_budget.answer_tokens(
            options.max_tokens, prompt=prompt_tokens, image=image_tokens, max_model_len=max_model_len
        )
        page = {"prompt": options.prompt, "multi_modal_data": {"image": image}}
        parsed = parse_model_prompt(self._engine.model_config, page)
        (rendered,) = await self._engine.renderer.render_cmpl_async([parsed])
        return PreparedPage(rendered, answer_tokens)

    async def read(self, request_id: str, page: PreparedPage, options: Options) -> Reading:
        """The reading of a page. Cancelling it frees its place. Raises `EngineFailed`, and whatever vLLM raises."""
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
        """End vLLM's processes, in order if they can, and let go of what they share."""
        self._engine.shutdown(timeout=_SHUTDOWN_TIMEOUT)

    def _sampling(self, options: Options, answer_tokens: int) -> SamplingParams:
        return SamplingParams(
            temperature=options.temperature,
            max_tokens=answer_tokens,
            skip_special_tokens=False,  # they are the tags of the block language
            output_kind=RequestOutputKind.FINAL_ONLY,
            extra_args={
                "ngram_size": options.ngram_size,
                "window_size": options.window_size,
                "whitelist_token_ids": self._repeatable_tokens,
            },
        )

    def _count_steps(self) -> None:
        """Count what comes from the engine process: one message for each step that gave a token to any page.

        That is the progress of the whole. Looking at the tokens of each page as they come would wake every page's coroutine
        at every step; a logger of statistics, which vLLM would call, makes it gather and export all of them.
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
    """How the model is loaded, as vLLM wants to be told."""
    return {
        "model": config.path,
        "max_model_len": config.max_model_len,
        "max_num_seqs": config.capacity,
        "gpu_memory_utilization": config.gpu_memory_utilization,
        "tensor_parallel_size": config.tensor_parallel_size,
        "limit_mm_per_prompt": {"image": 1},
        "logits_processors": [NGramPerReqLogitsProcessor],
        # no two pages are alike: looking for what was computed before costs and finds nothing
        "enable_prefix_caching": False,
        "mm_processor_cache_gb": 0,
        "disable_log_stats": True,
        "enforce_eager": current_platform.is_cpu(),  # else it would want a C++ compiler
    }


def _validate_and_shrink(image: Image.Image, tiling: TilingScheme) -> Image.Image:
    """Without the pixels that vLLM would drop: it does so on one thread for all pages, and slower.

    What vLLM would take in silence and misread is refused.
    """
    if image.mode != "RGB" or min(image.size) < 1:
        raise Unreadable
    try:
        image.load()
    except OSError:
        raise Unreadable from None
    size = tiling.useful_size(*image.size)
    return image.resize(size) if size != image.size else image
