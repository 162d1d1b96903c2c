"""What a client wants of an answer besides its prompt, in any dialect, and the engine's requests
that this makes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Adapters, Request

# To all prompts of a request together: what the engine takes when it has nothing else to do.
MAX_ANSWERS = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """See `engine.types.Request` for what is named as there. `n` answers to one prompt, the
    `choices`. `shows_special`: the text of control tokens, too (skip_special_tokens false)."""

    sampling: SamplingParams
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    priority: int = 0
    n_probs: int | None = None
    min_tokens: int = 0
    ignores_end: bool = False
    includes_stop: bool = False
    stop_tokens: frozenset[int] = frozenset()
    shows_special: bool = False
    n_keep: int = 0
    adapters: Adapters = ()

    def requests(self, prompt: Prompt, reply_id: str) -> list[Request]:
        """One for each choice."""
        return [
            Request(
                request_id=f"{reply_id}-{index}",
                prompt_tokens=prompt.tokens,
                sampling=sampling,
                max_tokens=self.max_tokens,
                stop=(*self.stop, *prompt.stop),
                priority=self.priority,
                n_keep=self.n_keep,
                min_tokens=self.min_tokens,
                ignores_end=self.ignores_end,
                includes_stop=self.includes_stop,
                stop_tokens=self.stop_tokens,
                shown_tokens=None if self.shows_special else prompt.shown_tokens,
                n_probs=self.n_probs,
                grammar=prompt.grammar,
                reasoning_limit=prompt.reasoning_limit,
                adapters=self.adapters,
                media=prompt.media,
            )
            for index, sampling in enumerate(self._samplings())
        ]

    def _samplings(self) -> Iterator[SamplingParams]:
        """Each choice has a seed of its own: the next one after a given seed, else a drawn one."""
        seed = self.sampling.seed
        for index in range(self.n):
            its_seed = None if seed is None else (seed + index) & 0xFFFFFFFF
            yield replace(self.sampling, seed=its_seed)


def to_requests(
    wish: Wish, prompts: Sequence[Prompt], reply_id: str, param: str = "n"
) -> list[Request]:
    """One for each choice to each prompt. BadRequest, which names `param`, for too many."""
    count = len(prompts) * wish.n
    if count > MAX_ANSWERS:
        message = (
            f"{count} answers are wanted, {wish.n} to each of {len(prompts)} prompts; at most"
            f" {MAX_ANSWERS} are possible at once."
        )
        raise BadRequest(message, param)
    return [
        request
        for index, prompt in enumerate(prompts)
        for request in wish.requests(prompt, f"{reply_id}-{index}")
    ]
