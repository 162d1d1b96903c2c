"""Builds llama.cpp's chain of samplers for one request. All their work is done in C.

The order and the meaning of every value: llama.cpp's common/sampling.cpp."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.sampling import SamplerName, SamplingParams

logger = logging.getLogger(__name__)

_RANDOM_SEED = 0xFFFFFFFF  # LLAMA_DEFAULT_SEED: llama.cpp draws one
_MIROSTAT_M = 100  # tokens, as llama.cpp has it
# It compares all pairs of them; what is less likely decides nothing.
_INFILL_CANDIDATES = 128
_INFILL_PIECE_BYTES = 512


def build_chain(context: Context, params: SamplingParams, prompt_tokens: Sequence[int]) -> Any:
    """The native chain, which the caller frees. `params.problem` must be None. The penalties look
    back over the prompt, too. EngineError when llama.cpp cannot make it."""
    params = _bounded(params, context.n_ctx)
    chain = chain_of(_samplers(context, params))
    look_back = _look_back(params)
    for token in prompt_tokens[-look_back:] if look_back else ():
        library().llama_sampler_accept(chain, token)
    return chain


def chain_of(samplers: Iterable[Any]) -> Any:
    """The native chain of them, which the caller frees, and they are freed with it. EngineError
    when there is no memory for one."""
    lib = library()
    settings = lib.llama_sampler_chain_default_params()
    settings.no_perf = True
    chain = _checked(lib.llama_sampler_chain_init(settings))
    try:
        for sampler in samplers:
            lib.llama_sampler_chain_add(chain, _checked(sampler))
    except EngineError:
        lib.llama_sampler_free(chain)
        raise
    return chain


def _checked(pointer: Any) -> Any:
    if not pointer:
        raise EngineError("llama.cpp could not create a sampler; memory may be short.")
    return pointer


def _bounded(params: SamplingParams, n_ctx: int) -> SamplingParams:
    """llama.cpp sets memory aside for all tokens that it looks back at. -1: the whole context."""

    def bounded(last_n: int) -> int:
        return n_ctx if last_n < 0 else min(last_n, n_ctx)

    return replace(
        params,
        repeat_last_n=bounded(params.repeat_last_n),
        dry_penalty_last_n=bounded(params.dry_penalty_last_n),
    )


def _look_back(params: SamplingParams) -> int:
    """Tokens of the prompt that a sampler wants to have seen."""
    penalties = params.repeat_last_n if _has_penalties(params) else 0
    dry = params.dry_penalty_last_n if params.dry_multiplier > 0 else 0
    return max(penalties, dry)


def _samplers(context: Context, params: SamplingParams) -> Iterator[Any]:
    """In order, without those that would do nothing."""
    lib = library()
    n_vocab = context.model.n_vocab
    seed = _RANDOM_SEED if params.seed is None else params.seed
    if params.logit_bias:
        yield _logit_bias(lib, params, n_vocab)
    if params.is_greedy:
        for name in _with_effect_on_greedy(params):
            yield from _MAKERS[name](lib, context, params, seed)
        yield lib.llama_sampler_init_greedy()
        return
    if params.mirostat:
        yield lib.llama_sampler_init_temp(params.temperature)
        tau, eta = params.mirostat_tau, params.mirostat_eta
        if params.mirostat == 1:
            yield lib.llama_sampler_init_mirostat(n_vocab, seed, tau, eta, _MIROSTAT_M)
        else:
            yield lib.llama_sampler_init_mirostat_v2(seed, tau, eta)
        return
    for name in params.samplers:
        yield from _MAKERS[name](lib, context, params, seed)
    if "adaptive_p" in params.samplers and params.adaptive_target >= 0:
        target, decay = params.adaptive_target, params.adaptive_decay
        yield lib.llama_sampler_init_adaptive_p(target, decay, seed)
    else:
        yield lib.llama_sampler_init_dist(seed)


def _with_effect_on_greedy(params: SamplingParams) -> list[SamplerName]:
    """The others leave the likeliest token the likeliest; infill looks at what they leave over."""
    if "infill" in params.samplers:
        return [name for name in params.samplers if name != "temperature"]
    return [name for name in params.samplers if name in ("penalties", "dry", "xtc")]


def _logit_bias(lib: Any, params: SamplingParams, n_vocab: int) -> Any:
    biases = (lib.llama_logit_bias * len(params.logit_bias))(*params.logit_bias)
    return lib.llama_sampler_init_logit_bias(n_vocab, len(biases), biases)


def _has_penalties(params: SamplingParams) -> bool:
    return (
        "penalties" in params.samplers
        and params.repeat_last_n != 0
        and (
            params.repeat_penalty != 1.0
            or params.frequency_penalty != 0.0
            or params.presence_penalty != 0.0
        )
    )


def _penalties(lib: Any, context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if _has_penalties(params):
        yield lib.llama_sampler_init_penalties(
            context.model.n_vocab,
            params.repeat_last_n,
            params.repeat_penalty,
            params.frequency_penalty,
            params.presence_penalty,
        )


def _dry(lib: Any, context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if params.dry_multiplier <= 0 or params.dry_base < 1 or params.dry_penalty_last_n == 0:
        return
    breakers = [text.encode() for text in params.dry_sequence_breakers]
    yield lib.llama_sampler_init_dry(
        context.model.vocab,
        params.dry_multiplier,
        params.dry_base,
        params.dry_allowed_length,
        params.dry_penalty_last_n,
        (ctypes.c_char_p * len(breakers))(*breakers),
        len(breakers),
    )


def _top_n_sigma(lib: Any, _context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if params.top_n_sigma > 0:
        yield lib.llama_sampler_init_top_n_sigma(params.top_n_sigma)


def _top_k(lib: Any, _context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if params.top_k > 0:
        yield lib.llama_sampler_init_top_k(max(params.top_k, params.min_keep))


def _typical(lib: Any, _context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if params.typical_p < 1.0:
        yield lib.llama_sampler_init_typical(params.typical_p, params.min_keep)


def _top_p(lib: Any, _context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if params.top_p < 1.0:
        yield lib.llama_sampler_init_top_p(params.top_p, max(1, params.min_keep))


def _min_p(lib: Any, _context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if params.min_p > 0.0:
        yield lib.llama_sampler_init_min_p(params.min_p, max(1, params.min_keep))


def _xtc(lib: Any, _context: Context, params: SamplingParams, seed: int) -> Iterator[Any]:
    if params.xtc_probability > 0.0 and params.xtc_threshold <= 0.5:
        yield lib.llama_sampler_init_xtc(
            params.xtc_probability, params.xtc_threshold, params.min_keep, seed
        )


def _temperature(lib: Any, _context: Context, params: SamplingParams, _seed: int) -> Iterator[Any]:
    if params.dynatemp_range > 0.0:
        yield lib.llama_sampler_init_temp_ext(
            params.temperature, params.dynatemp_range, params.dynatemp_exponent
        )
    else:
        yield lib.llama_sampler_init_temp(params.temperature)


def _infill(lib: Any, context: Context, _params: SamplingParams, _seed: int) -> Iterator[Any]:
    """Ends where no token is likely enough. llama.cpp aborts the process on a vocabulary without
    an end, or with a piece that is longer than its buffer."""
    model = context.model
    if not model.can_end or model.longest_piece > _INFILL_PIECE_BYTES:
        logger.warning("The sampler 'infill' is left out: the vocabulary does not fit it.")
        return
    yield lib.llama_sampler_init_top_k(_INFILL_CANDIDATES)
    yield lib.llama_sampler_init_infill(model.vocab)


def _last(_lib: Any, _context: Context, _params: SamplingParams, _seed: int) -> Iterator[Any]:
    """adaptive_p chooses the token, so it stands at the end whatever the order says."""
    yield from ()


_MAKERS: Mapping[SamplerName, Callable[[Any, Context, SamplingParams, int], Iterator[Any]]] = {
    "penalties": _penalties,
    "dry": _dry,
    "top_n_sigma": _top_n_sigma,
    "top_k": _top_k,
    "typ_p": _typical,
    "top_p": _top_p,
    "min_p": _min_p,
    "xtc": _xtc,
    "temperature": _temperature,
    "adaptive_p": _last,
    "infill": _infill,
}
