"""From a request's parameters, by all the names that clients have for them, to the wish that the
engine gets. Each function is BadRequest, which names the parameter, when a value makes no sense."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.parameters import MAX_LOGIT_BIASES, LogitBiases, Parameters
from llamapack_runtime.api.service import AnswerDefaults
from llamapack_runtime.api.tokens import check_tokens
from llamapack_runtime.api.wish import Wish
from llamapack_runtime.engine.sampling import SAMPLER_NAMES, SamplerName, SamplingParams

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Vocabulary

MAX_STOP_STRINGS = 16
MAX_STOP_CHARACTERS = 4096  # of all together
MAX_SAMPLERS = 32

# A text's tokens, without BOS and with control tokens as text: for biases of words.
Tokenize = Callable[[str], Sequence[int]]

# Fields of SamplingParams that take the request's value as it is.
_PLAIN = {
    name for name in SamplingParams.__dataclass_fields__ if name in Parameters.__struct_fields__
} - {
    "seed",
    "top_k",
    "repeat_penalty",
    "dry_sequence_breakers",
    "samplers",
    "logit_bias",
}
# As llama.cpp's common/sampling.cpp has them.
_LETTERS: dict[str, SamplerName] = {
    "e": "penalties",
    "d": "dry",
    "s": "top_n_sigma",
    "k": "top_k",
    "y": "typ_p",
    "p": "top_p",
    "m": "min_p",
    "x": "xtc",
    "t": "temperature",
    "a": "adaptive_p",
    "i": "infill",
}
_OTHER_NAMES: dict[str, SamplerName] = {
    "nucleus": "top_p",
    "temp": "temperature",
    "typ": "typ_p",
    "typical_p": "typ_p",
}


def to_wish(
    request: Parameters,
    defaults: AnswerDefaults,
    n_probs: int | None = None,
    vocabulary: Vocabulary | None = None,
) -> Wish:
    """All of it. `n_probs`: see `engine.types.Request`; each dialect asks for them in its way.
    `vocabulary` where tokens can be named, a bias also by its text: blocking then."""
    tokenize = None if vocabulary is None else _tokenizer(vocabulary)
    sampling = to_sampling(request, defaults, tokenize)
    if vocabulary is not None:
        biased = [token for token, _ in sampling.logit_bias]
        check_tokens(vocabulary, biased, "logit_bias")
        check_tokens(vocabulary, request.stop_token_ids or (), "stop_token_ids")
    max_tokens = to_max_tokens(request, defaults)
    _check_min_tokens(request.min_tokens or 0, max_tokens)
    return Wish(
        sampling=sampling,
        max_tokens=max_tokens,
        stop=to_stop(request.stop),
        n=request.choices,
        priority=request.priority or 0,
        n_probs=n_probs,
        min_tokens=request.min_tokens or 0,
        ignores_end=bool(request.ignore_eos),
        includes_stop=bool(request.include_stop_str_in_output),
        stop_tokens=frozenset(request.stop_token_ids or ()),
        shows_special=request.skip_special_tokens is False,
        n_keep=_n_keep(request.n_keep),
        adapters=defaults.adapters.of_request(request.lora, request.model),
    )


def to_sampling(
    request: Parameters, defaults: AnswerDefaults, tokenize: Tokenize | None = None
) -> SamplingParams:
    """The request's own values over the pack's."""
    base = defaults.sampling
    values: dict[str, Any] = {
        name: value for name in _PLAIN if (value := getattr(request, name)) is not None
    }
    if request.top_k is not None:
        values["top_k"] = max(request.top_k, 0)  # vLLM's -1: all of them
    if request.dry_sequence_breakers is not None:
        values["dry_sequence_breakers"] = tuple(request.dry_sequence_breakers)
    if request.samplers is not None:
        values["samplers"] = to_samplers(request.samplers)
    if request.logit_bias is not None:
        values["logit_bias"] = to_logit_bias(request.logit_bias, tokenize)
    penalty = _repeat_penalty(request)
    if penalty is not None:
        values["repeat_penalty"] = penalty
    return replace(base, **values, seed=to_seed(request.seed, base.seed))


def to_max_tokens(request: Parameters, defaults: AnswerDefaults) -> int | None:
    limit = request.token_limit
    if limit is None:
        return defaults.max_tokens
    return None if limit < 0 else limit


def _check_min_tokens(fewest: int, most: int | None) -> None:
    if most is not None and fewest > most:
        message = f"'min_tokens' is {fewest}, but the answer may have {most} tokens at most."
        raise BadRequest(message, "min_tokens")


def to_stop(stop: str | Sequence[str] | None, param: str = "stop") -> tuple[str, ...]:
    """BadRequest when there are too many, or an empty one, which every text would contain."""
    strings = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(strings) > MAX_STOP_STRINGS:
        raise BadRequest(
            f"'{param}' has {len(strings)} strings; at most {MAX_STOP_STRINGS} are possible.", param
        )
    if "" in strings:
        raise BadRequest(f"'{param}' has an empty string; leave it out.", param)
    if sum(map(len, strings)) > MAX_STOP_CHARACTERS:
        raise BadRequest(f"'{param}' has more than {MAX_STOP_CHARACTERS} characters.", param)
    return strings


def to_seed(asked: int | None, default: int | None) -> int | None:
    """-1 draws a seed. OpenAI's seeds have 64 bits, the sampler's 32."""
    if asked is None:
        return default
    return None if asked == -1 else asked & 0xFFFFFFFF


def to_samplers(names: str | Sequence[str]) -> tuple[SamplerName, ...]:
    """Names with or without dashes, or a string with a letter for each, as llama-server has it."""
    if len(names) > MAX_SAMPLERS:
        raise BadRequest(f"'samplers' has more than {MAX_SAMPLERS} entries.", "samplers")
    if isinstance(names, str):
        return tuple(_known(letter, _LETTERS.get(letter)) for letter in names)
    return tuple(_known(name, _named(name)) for name in names)


def to_logit_bias(
    biases: LogitBiases, tokenize: Tokenize | None = None
) -> tuple[tuple[int, float], ...]:
    """From {token: bias}, or llama-server's [[token, bias], ...]. A token may be a text where
    `tokenize` is given, and all of the text's tokens are meant; false as bias forbids it."""
    pairs = biases.items() if isinstance(biases, dict) else _pairs(biases)
    found = [(token, _bias(bias)) for key, bias in pairs for token in _tokens_of(key, tokenize)]
    if len(found) > MAX_LOGIT_BIASES:
        message = f"'logit_bias' has more than {MAX_LOGIT_BIASES} tokens."
        raise BadRequest(message, "logit_bias")
    return tuple(found)


def _tokenizer(vocabulary: Vocabulary) -> Tokenize:
    return partial(vocabulary.tokenize, add_special=False, parse_special=False)


def _repeat_penalty(request: Parameters) -> float | None:
    """llama.cpp's name and the others' name for the same."""
    ours, theirs = request.repeat_penalty, request.repetition_penalty
    if ours is not None and theirs is not None and ours != theirs:
        message = "'repetition_penalty' and 'repeat_penalty' are two names of one; send one."
        raise BadRequest(message, "repetition_penalty")
    return theirs if ours is None else ours


def _n_keep(n_keep: int | None) -> int:
    """-1: the whole prompt, however long it is."""
    return 2**31 - 1 if n_keep == -1 else n_keep or 0


def _named(name: str) -> SamplerName | None:
    plain = name.lower().replace("-", "_")
    for known in SAMPLER_NAMES:
        if plain in (known, known.replace("_", "")):
            return known
    return _OTHER_NAMES.get(plain)


def _known(given: str, name: SamplerName | None) -> SamplerName:
    if name is None:
        known = ", ".join(SAMPLER_NAMES)
        raise BadRequest(f"There is no sampler '{given}'; there are {known}.", "samplers")
    return name


def _pairs(biases: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for pair in biases:
        if not isinstance(pair, list) or len(pair) != 2:
            raise BadRequest("'logit_bias' must have pairs of a token and a bias.", "logit_bias")
        yield pair[0], pair[1]


def _tokens_of(key: Any, tokenize: Tokenize | None) -> Sequence[int]:
    if isinstance(key, str) and key.isdecimal() and key.isascii():
        key = int(key) if len(key) <= 10 else 2**31
    if type(key) is int and 0 <= key < 2**31:
        return (key,)
    if isinstance(key, str) and tokenize is not None and len(key) <= MAX_LOGIT_BIASES:
        return tokenize(key)
    message = f"'logit_bias' names the token {str(key)[:100]!r}, which is not a token's number."
    raise BadRequest(message, "logit_bias")


def _bias(bias: Any) -> float:
    if bias is False:
        return -math.inf
    if isinstance(bias, int | float) and bias is not True and -1e6 <= bias <= 1e6:
        return float(bias)
    message = "'logit_bias' must have biases between -1000000 and 1000000, or false."
    raise BadRequest(message, "logit_bias")
