"""One chain of llama.cpp's samplers per request. All work on the vocabulary happens in C."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.types import SamplingParams

_RANDOM_SEED = 0xFFFFFFFF  # LLAMA_DEFAULT_SEED: llama.cpp draws one


class LlamaSampler:
    """`params.problem` must be None. The penalties look back over the prompt, too."""

    def __init__(
        self, context: Context, params: SamplingParams, prompt_tokens: Sequence[int]
    ) -> None:
        self._lib = library()
        self._context = context
        settings = self._lib.llama_sampler_chain_default_params()
        settings.no_perf = True
        # llama.cpp sets memory for all of them aside.
        params = replace(params, repeat_last_n=min(params.repeat_last_n, context.n_ctx))
        self._chain: Any = _checked(self._lib.llama_sampler_chain_init(settings))
        try:
            for sampler in _samplers(self._lib, params, context.model.n_vocab):
                # The chain owns what it is given and frees it with itself.
                self._lib.llama_sampler_chain_add(self._chain, _checked(sampler))
        except EngineError:
            self.close()
            raise
        if _has_penalties(params):
            for token in prompt_tokens[-params.repeat_last_n :]:
                self._lib.llama_sampler_accept(self._chain, token)

    def sample(self, row: int) -> int:
        """The token chosen from a row of the last decode, accepted into the chain's state."""
        context = self._context
        context.check_row(row)
        return int(self._lib.llama_sampler_sample(self._chain, context.handle, row))

    def close(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            self._lib.llama_sampler_free(chain)


def _samplers(lib: Any, params: SamplingParams, n_vocab: int) -> Iterator[Any]:
    """llama.cpp's default order (common/common.h), without those that would do nothing."""
    if _has_penalties(params):
        yield lib.llama_sampler_init_penalties(
            n_vocab,
            params.repeat_last_n,
            params.repeat_penalty,
            params.frequency_penalty,
            params.presence_penalty,
        )
    if params.is_greedy:
        yield lib.llama_sampler_init_greedy()
        return
    if params.top_k > 0:
        yield lib.llama_sampler_init_top_k(params.top_k)
    if params.top_p < 1.0:
        yield lib.llama_sampler_init_top_p(params.top_p, 1)
    if params.min_p > 0.0:
        yield lib.llama_sampler_init_min_p(params.min_p, 1)
    yield lib.llama_sampler_init_temp(params.temperature)
    yield lib.llama_sampler_init_dist(_RANDOM_SEED if params.seed is None else params.seed)


def _has_penalties(params: SamplingParams) -> bool:
    return params.repeat_last_n > 0 and (
        params.repeat_penalty != 1.0
        or params.frequency_penalty != 0.0
        or params.presence_penalty != 0.0
    )


def _checked(pointer: Any) -> Any:
    if not pointer:
        raise EngineError("llama.cpp could not create a sampler; memory may be short.")
    return pointer
