"""DeepSeek-OCR in vLLM, one page at a time: the only module that knows vLLM.

Runs in an event loop. vLLM puts the pages that are inside together; each keeps its own sampling.
"""

import asyncio
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from ocr_celery.engine.vllm.tiling import OF_CLASS, Sight
from ocr_celery.errors import EngineFailed, Unreadable
from ocr_celery.settings import SettingsError

if TYPE_CHECKING:
    from ocr_celery.engine.vllm.engine import Model

_FREE = ("<td>", "</td>")  # tables repeat them without end, and may
_GOODBYE = 1.0  # seconds for an orderly end of vLLM's processes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page as vLLM takes it."""

    rendered: Any  #: tokens and tiles
    allowed: int  #: tokens of answer


class Llm:
    """The loaded model. Making one blocks until it is loaded, and raises what vLLM raises."""

    def __init__(self, model: "Model") -> None:
        self.steps = 0  #: steps of the engine that gave a token so far
        self._engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments(model)))
        self._count_steps()
        self.sight = _sight(self._engine.model_config.architectures)
        self._tokenizer = copy.deepcopy(self._engine.get_tokenizer())  # vLLM uses its own in other threads
        ids = self._tokenizer.convert_tokens_to_ids(list(_FREE))
        self._free = {id for id in ids if id not in (None, self._tokenizer.unk_token_id)}

    @property
    def dead(self) -> bool:
        """Whether a process of the engine has died."""
        return bool(self._engine.errored)

    def prompt_tokens(self, prompt: str) -> int:
        """The tokens of a prompt without those of the picture."""
        return len(self._tokenizer.encode(prompt)) - 1  # one stands for the picture

    async def prepare(self, image: Image.Image, options: Options) -> Prepared:
        """An RGB page, cut into tiles and tokens. Raises `PromptTooLong`, `Unreadable`, and whatever vLLM raises."""
        image = await asyncio.to_thread(_ready, image, self.sight)
        prompt, picture = self.prompt_tokens(options.prompt), self.sight.count(*image.size)
        most = self._engine.model_config.max_model_len  # vLLM may have lowered it to what the memory holds
        allowed = token_budget.allowed(options.max_tokens, prompt=prompt, picture=picture, most=most)
        page = {"prompt": options.prompt, "multi_modal_data": {"image": image}}
        parsed = parse_model_prompt(self._engine.model_config, page)
        (rendered,) = await self._engine.renderer.render_cmpl_async([parsed])
        return Prepared(rendered, allowed)

    async def read(self, id: str, page: Prepared, options: Options) -> Reading:
        """The reading of a page. Cancelling it frees its place. Raises `EngineFailed`, and whatever vLLM raises."""
        sampling = self._sampling(options, page.allowed)
        output = [o async for o in self._engine.generate(page.rendered, sampling, id)][-1]
        answer = output.outputs[0]
        if answer.finish_reason not in ("stop", "length"):
            raise EngineFailed
        return Reading(
            text=answer.text,
            finish_reason=answer.finish_reason,
            prompt_tokens=len(output.prompt_token_ids),
            output_tokens=len(answer.token_ids),
            max_tokens=page.allowed if page.allowed < options.max_tokens else 0,
        )

    def shut_down(self) -> None:
        """End vLLM's processes, in order if they can, and let go of what they share."""
        self._engine.shutdown(timeout=_GOODBYE)

    def _sampling(self, options: Options, allowed: int) -> SamplingParams:
        return SamplingParams(
            temperature=options.temperature,
            max_tokens=allowed,
            skip_special_tokens=False,  # they are the tags of the block language
            output_kind=RequestOutputKind.FINAL_ONLY,
            extra_args={
                "ngram_size": options.ngram_size,
                "window_size": options.window_size,
                "whitelist_token_ids": self._free,
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


def _sight(architectures: list[str]) -> Sight:
    for name in architectures:
        if name in OF_CLASS:
            return OF_CLASS[name]
    raise SettingsError(
        f"OCR_MODEL_PATH: got a model of class {', '.join(architectures)}, wants {' or '.join(OF_CLASS)}"
    )


def arguments(model: "Model") -> dict[str, Any]:
    """How the model is loaded, as vLLM wants to be told."""
    return {
        "model": model.path,
        "max_model_len": model.max_tokens,
        "max_num_seqs": model.capacity,
        "gpu_memory_utilization": model.memory,
        "tensor_parallel_size": model.gpus,
        "limit_mm_per_prompt": {"image": 1},
        "logits_processors": [NGramPerReqLogitsProcessor],
        # no two pages are alike: looking for what was computed before costs and finds nothing
        "enable_prefix_caching": False,
        "mm_processor_cache_gb": 0,
        "disable_log_stats": True,
        "enforce_eager": current_platform.is_cpu(),  # else it would want a C++ compiler
    }


def _ready(image: Image.Image, sight: Sight) -> Image.Image:
    """Without the pixels that vLLM would drop: it does so on one thread for all pages, and slower.

    What vLLM would take in silence and misread is refused.
    """
    if image.mode != "RGB" or min(image.size) < 1:
        raise Unreadable
    try:
        image.load()
    except OSError:
        raise Unreadable from None
    size = sight.useful(*image.size)
    return image.resize(size) if size != image.size else image
