"""OpenAI's request bodies for chat and completion, as far as they can be honoured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.service import AnswerDefaults
from llamapack_runtime.engine.types import SamplingParams

MAX_CHOICES = 8
MAX_STOP_STRINGS = 16
MAX_STOP_CHARACTERS = 4096  # of all together

Int31 = Annotated[int, Meta(ge=0, le=2**31 - 1)]
TokenLimit = Annotated[int, Meta(ge=-1, le=2**31 - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]


class StreamOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None  # padding against eavesdroppers; never sent here


class GenerationRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What chat and completion have in common. None means: the pack's default. `model` may be
    any name: a pack serves one model, and answers with that model's name. A lower `priority` goes
    first (as vLLM has it)."""

    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    priority: Annotated[int, Meta(ge=-8, le=8)] | None = None
    max_tokens: TokenLimit | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] | None = None
    top_k: Int31 | None = None
    top_p: Share | None = None
    min_p: Share | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    repeat_penalty: Annotated[float, Meta(gt=0, le=1000)] | None = None
    repeat_last_n: Int31 | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: str | list[str] | None = None
    # Accepted: they say something about the client, not about the answer.
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @property
    def has_usage_at_end(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def token_limit(self) -> int | None:
        return self.max_tokens


class ChatMessage(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`content` is text or a list of parts. Clients send an answer back as they got it, so the
    fields of an answer are known here too."""

    role: str
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    annotations: list[Any] | None = None
    audio: Any = None
    tool_calls: list[Any] | None = None
    tool_call_id: str | None = None
    function_call: Any = None


class ChatRequest(GenerationRequest, frozen=True, kw_only=True):
    messages: list[ChatMessage]
    max_completion_tokens: TokenLimit | None = None

    @property
    def token_limit(self) -> int | None:
        """The newer name wins."""
        newer = self.max_completion_tokens
        return self.max_tokens if newer is None else newer


class CompletionRequest(GenerationRequest, frozen=True, kw_only=True):
    """`prompt` is one text or one list of tokens, also as the only item of a list."""

    prompt: str | list[Any]
    n_predict: TokenLimit | None = None

    @property
    def token_limit(self) -> int | None:
        return self.n_predict if self.max_tokens is None else self.max_tokens


def one_prompt(prompt: str | list[Any]) -> str | tuple[int, ...]:
    """The only prompt: a text, or tokens. BadRequest when there are several or it is neither."""
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], str | list):
        prompt = prompt[0]
    if isinstance(prompt, str):
        return prompt
    if all(type(token) is int for token in prompt):
        return tuple(prompt)
    if all(isinstance(item, str | list) for item in prompt):
        message = f"'prompt' has {len(prompt)} prompts; send one in each request."
        raise BadRequest(message, "prompt", "unsupported_parameter")
    raise BadRequest("'prompt' must be a text or a list of tokens.", "prompt", "invalid_type")


def stop_strings(request: GenerationRequest) -> tuple[str, ...]:
    """BadRequest when there are too many, or an empty one, which every text would contain."""
    stop = request.stop
    strings = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(strings) > MAX_STOP_STRINGS:
        raise BadRequest(
            f"'stop' has {len(strings)} strings; at most {MAX_STOP_STRINGS} are possible.", "stop"
        )
    if "" in strings:
        raise BadRequest("'stop' has an empty string; leave it out.", "stop")
    if sum(map(len, strings)) > MAX_STOP_CHARACTERS:
        raise BadRequest(f"'stop' has more than {MAX_STOP_CHARACTERS} characters.", "stop")
    return strings


def max_tokens(request: GenerationRequest, defaults: AnswerDefaults) -> int | None:
    limit = request.token_limit
    if limit is None:
        return defaults.max_tokens
    return None if limit < 0 else limit


def sampling(request: GenerationRequest, defaults: AnswerDefaults) -> SamplingParams:
    """The request's own values over the pack's."""
    base = defaults.sampling
    values = {
        name: getattr(base, name) if getattr(request, name) is None else getattr(request, name)
        for name in SamplingParams.__dataclass_fields__
        if name != "seed"
    }
    return SamplingParams(**values, seed=_seed(request.seed, base.seed))


def sampling_of_choices(first: SamplingParams, n: int) -> Iterator[SamplingParams]:
    """Each choice has a seed of its own: the next one after a given seed, else a drawn one."""
    for i in range(n):
        seed = None if first.seed is None else (first.seed + i) & 0xFFFFFFFF
        yield replace(first, seed=seed)


def _seed(asked: int | None, default: int | None) -> int | None:
    """-1 draws a seed. OpenAI's seeds have 64 bits, the sampler's 32."""
    if asked is None:
        return default
    return None if asked == -1 else asked & 0xFFFFFFFF
