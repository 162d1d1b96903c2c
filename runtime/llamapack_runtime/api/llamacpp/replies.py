"""llama-server's replies to /completion and /infill: its fields, in its order.

Shapes: tools/server/server-task.cpp (to_json_non_oaicompat)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llamapack_runtime.api.answer import Ended, Said, WholeChoice
from llamapack_runtime.api.openai.usage import timings
from llamapack_runtime.chat.parts import Content
from llamapack_runtime.engine.types import Candidate, Finished, SampledToken

Json = dict[str, object]

# The number of a slot is not told: any will do, and every prompt is looked for in all of them.
ANY_SLOT = -1
# JSON has no infinity.
LEAST_LOGPROB = -3.4028234663852886e38


@dataclass(frozen=True, slots=True)
class PromptFacts:
    """What a reply says of a prompt. `text` has the names of control tokens."""

    text: str
    n_tokens: int


@dataclass(frozen=True, slots=True)
class NativeReply:
    """Composes what goes to the client for one request. There are `n` choices for each prompt, in
    their order. `settings`: see `settings.generation_settings`."""

    model: str
    n_ctx: int
    prompts: Sequence[PromptFacts]
    n: int
    settings: Json
    returns_tokens: bool = False
    response_fields: Sequence[str] = ()

    def prompt(self, choice: int) -> PromptFacts:
        return self.prompts[choice // self.n]

    def whole(self, choices: Sequence[WholeChoice]) -> Json | list[Json]:
        """One object for one answer, a list for several."""
        shown = [self._whole(index, choice) for index, choice in enumerate(choices)]
        return shown[0] if len(shown) == 1 else shown

    def _whole(self, index: int, choice: WholeChoice) -> Json:
        tokens = [one.token for one in choice.tokens] if self.returns_tokens else []
        reply = self._final(index, choice.content, tokens, choice.end.finished, choice.content)
        reply |= probabilities(choice.tokens)
        return nested(reply, self.response_fields) if self.response_fields else reply

    def last(self, index: int, end: Ended, text: str) -> Json:
        """The end of a stream that said `text`."""
        reply = self._final(index, "", [], end.finished, text)
        return nested(reply, self.response_fields) if self.response_fields else reply

    def partial(self, index: int, text: str, tokens: Iterable[SampledToken], count: int) -> Json:
        """A piece of a stream, after which there are `count` tokens."""
        return {
            "index": index,
            "content": text,
            "tokens": [one.token for one in tokens],
            "stop": False,
            "id_slot": ANY_SLOT,
            "tokens_predicted": count,
            "tokens_evaluated": self.prompt(index).n_tokens,
        }

    def _final(self, index: int, content: str, tokens: list[int], end: Finished, text: str) -> Json:
        return {
            "index": index,
            "content": content,
            "tokens": tokens,
            "id_slot": ANY_SLOT,
            "stop": True,
            "model": self.model,
            "tokens_predicted": end.completion_tokens,
            "tokens_evaluated": end.prompt_tokens,
            "generation_settings": self.settings | {"speculative.types": speculation(end)},
            "prompt": self.prompt(index).text,
            "has_new_line": "\n" in text,
            "truncated": self._is_truncated(end),
            "stop_type": stop_type(end),
            "stopping_word": end.stop_sequence or "",
            # What the cache holds now: the last token was not read any more.
            "tokens_cached": end.prompt_tokens + max(0, end.completion_tokens - 1),
            "timings": native_timings(end),
        }

    def _is_truncated(self, end: Finished) -> bool:
        """The context was full: the answer ended for it, or lost its oldest part."""
        n_tokens = end.prompt_tokens + end.completion_tokens
        return n_tokens > self.n_ctx or (end.reason == "length" and n_tokens == self.n_ctx)


def content_of(said: Said) -> str:
    return "".join(part.text for part in said.parts if isinstance(part, Content))


def stop_type(end: Finished) -> str:
    if end.reason == "length":
        return "limit"
    return "eos" if end.stop_sequence is None else "word"


def speculation(end: Finished) -> str:
    """What was tried for this answer."""
    return "ngram" if end.draft_tokens else "none"


def native_timings(end: Finished) -> Json:
    """Without what was guessed where nothing was."""
    shown = timings(end)
    return shown if end.draft_tokens else without_draft(shown)


def without_draft(shown: Json) -> Json:
    return {name: value for name, value in shown.items() if not name.startswith("draft")}


def probabilities(tokens: Sequence[SampledToken]) -> Json:
    """`completion_probabilities`, where they were asked for."""
    chosen = [(one.chosen, one.top) for one in tokens if one.chosen is not None]
    if not chosen:
        return {}
    return {
        "completion_probabilities": [
            {**_candidate(token), "top_logprobs": [_candidate(other) for other in top]}
            for token, top in chosen
        ]
    }


def nested(reply: Mapping[str, object], paths: Iterable[str]) -> Json:
    """The named fields alone; "a/b" is the field b of the object a. What is not there is left
    out."""
    found: Json = {}
    for path in paths:
        value: object = reply
        for key in path.split("/"):
            if not isinstance(value, Mapping) or key not in value:
                break
            value = value[key]
        else:
            found[path] = value
    return found


def _candidate(candidate: Candidate) -> Json:
    return {
        "id": candidate.token,
        "token": candidate.piece.decode("utf-8", "ignore"),
        "bytes": [*candidate.piece],
        "logprob": max(candidate.logprob, LEAST_LOGPROB),
    }
