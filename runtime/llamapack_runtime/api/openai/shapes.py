"""How OpenAI's chat and its older completions wrap what a choice says: whole, and in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from llamapack_runtime.api.answer import Ended, Said, WholeChoice
from llamapack_runtime.api.openai.logprobs import CompletionLogprobs, chat_logprobs
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Content, Part, Reasoning
from llamapack_runtime.chat.types import ToolCall
from llamapack_runtime.engine.types import SampledToken

Json = dict[str, object]


class Shape(Protocol):
    """One for each answer: it may keep state. What it makes are entries of `choices`."""

    id_prefix: str
    whole_object: str
    chunk_object: str

    def whole(self, index: int, choice: WholeChoice) -> Json: ...

    def opening(self, index: int) -> Json | None:
        """What goes first in a stream, before anything is said."""

    def said(self, index: int, said: Said) -> list[Json]: ...

    def nothing(self, index: int) -> Json:
        """For a chunk that tells something else."""

    def closing(self, index: int, end: Ended) -> Json: ...


class ChatShape:
    """`has_functions`: calls have the shape that they had before there were tools."""

    id_prefix = "chatcmpl-"
    whole_object = "chat.completion"
    chunk_object = "chat.completion.chunk"

    def __init__(
        self,
        *,
        has_logprobs: bool = False,
        has_tokens: bool = False,
        has_functions: bool = False,
    ) -> None:
        self._has_logprobs = has_logprobs
        self._has_tokens = has_tokens
        self._has_functions = has_functions

    def whole(self, index: int, choice: WholeChoice) -> Json:
        part: Json = {"message": self._message(choice)}
        return self._choice(index, part, choice.tokens, self._reason(choice.end))

    def opening(self, index: int) -> Json | None:
        return self._choice(index, {"delta": {"role": "assistant", "content": ""}})

    def said(self, index: int, said: Said) -> list[Json]:
        deltas = [self._delta(part) for part in said.parts]
        if not deltas and said.tokens and (self._has_logprobs or self._has_tokens):
            deltas = [{}]
        return [
            self._choice(index, {"delta": delta}, said.tokens if delta is deltas[-1] else ())
            for delta in deltas
        ]

    def nothing(self, index: int) -> Json:
        return self._choice(index, {"delta": {}})

    def closing(self, index: int, end: Ended) -> Json:
        return self._choice(index, {"delta": {}}, (), self._reason(end))

    def _message(self, choice: WholeChoice) -> Json:
        calls = choice.tool_calls
        message: Json = {"role": "assistant", "content": choice.content, "refusal": None}
        if calls and not choice.content:
            message["content"] = None
        if choice.reasoning is not None:
            message["reasoning_content"] = choice.reasoning
        if calls and self._has_functions:
            message["function_call"] = _function(calls[0])
        elif calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": _function(call)} for call in calls
            ]
        return message

    def _delta(self, part: Part) -> Json:
        match part:
            case Content(text):
                return {"content": text}
            case Reasoning(text):
                return {"reasoning_content": text}
            case CallBegins(index, call_id, name):
                head: Json = {"index": index, "id": call_id, "type": "function"}
                return self._call(head, {"name": name, "arguments": ""})
            case CallArguments(index, text):
                return self._call({"index": index}, {"arguments": text})

    def _call(self, head: Json, function: Json) -> Json:
        if self._has_functions:
            return {"function_call": function}
        return {"tool_calls": [{**head, "function": function}]}

    def _reason(self, end: Ended) -> str:
        is_call = end.reason == "tool_calls"
        return "function_call" if is_call and self._has_functions else end.reason

    def _choice(
        self,
        index: int,
        part: Json,
        tokens: Sequence[SampledToken] = (),
        reason: str | None = None,
    ) -> Json:
        has_logprobs = self._has_logprobs and (tokens or "message" in part)
        return {
            "index": index,
            **part,
            "logprobs": chat_logprobs(tokens) if has_logprobs else None,
            **_tokens(tokens, wanted=self._has_tokens),
            "finish_reason": reason,
        }


class CompletionShape:
    """`prompts`: the text that each choice repeats before it goes on; () when none does. `n_top`:
    the number of other candidates for each token, None when no probabilities are wanted."""

    id_prefix = "cmpl-"
    whole_object = "text_completion"
    chunk_object = "text_completion"

    def __init__(
        self,
        *,
        prompts: Sequence[str] = (),
        n_top: int | None = None,
        has_tokens: bool = False,
    ) -> None:
        self._prompts = prompts
        self._n_top = n_top
        self._has_tokens = has_tokens
        self._logprobs: dict[int, CompletionLogprobs] = {}

    def whole(self, index: int, choice: WholeChoice) -> Json:
        text = self._prompt(index) + choice.content
        return self._choice(index, text, choice.tokens, choice.end.reason)

    def opening(self, index: int) -> Json | None:
        prompt = self._prompt(index)
        return self._choice(index, prompt) if prompt else None

    def said(self, index: int, said: Said) -> list[Json]:
        text = "".join(part.text for part in said.parts if isinstance(part, Content))
        if not text and (not said.tokens or (self._n_top is None and not self._has_tokens)):
            return []
        return [self._choice(index, text, said.tokens)]

    def nothing(self, index: int) -> Json:
        return self._choice(index, "")

    def closing(self, index: int, end: Ended) -> Json:
        return self._choice(index, "", (), end.reason)

    def _prompt(self, index: int) -> str:
        return self._prompts[index] if self._prompts else ""

    def _choice(
        self,
        index: int,
        text: str,
        tokens: Sequence[SampledToken] = (),
        reason: str | None = None,
    ) -> Json:
        return {
            "index": index,
            "text": text,
            "logprobs": self._shown(index, tokens),
            **_tokens(tokens, wanted=self._has_tokens),
            "finish_reason": reason,
        }

    def _shown(self, index: int, tokens: Sequence[SampledToken]) -> Json | None:
        if self._n_top is None or not tokens:
            return None
        return self._logprobs.setdefault(index, CompletionLogprobs(self._n_top)).show(tokens)


def _function(call: ToolCall) -> Json:
    return {"name": call.name, "arguments": call.arguments}


def _tokens(tokens: Sequence[SampledToken], *, wanted: bool) -> Json:
    return {"tokens": [token.token for token in tokens]} if wanted else {}
