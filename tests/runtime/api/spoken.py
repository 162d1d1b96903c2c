"""Answers with reasoning and tool calls, told in a small language, for the dialects' streams."""

from __future__ import annotations

from llamapack_runtime.chat.parts import (
    AnswerParser,
    CallArguments,
    CallBegins,
    Content,
    Part,
    Reasoning,
)
from llamapack_runtime.engine.types import Event, Finished, TextDelta
from runtime.api.prepared import PreparedSession

PROMPT_TOKENS = (1, 2, 3, 4, 5)


class SpokenParser:
    """Each text that it gets is one part: "say TEXT", "think TEXT", "call INDEX ID NAME" or
    "with INDEX JSON"."""

    def __init__(self) -> None:
        self.is_reasoning = False

    def push(self, text: str) -> list[Part]:
        verb, _, rest = text.partition(" ")
        self.is_reasoning = verb == "think"
        match verb:
            case "say":
                return [Content(rest)]
            case "think":
                return [Reasoning(rest)]
            case "call":
                index, call_id, name = rest.split(" ")
                return [CallBegins(int(index), call_id, name)]
            case "with":
                index, _, arguments = rest.partition(" ")
                return [CallArguments(int(index), arguments)]
        raise AssertionError(f"nobody says {text!r}")

    def finish(self, *, is_cut_off: bool = False) -> list[Part]:  # noqa: ARG002 - as all
        return []


class SpokenSession(PreparedSession):
    """Says what is told in that language."""

    prompt_tokens = PROMPT_TOKENS

    def _parser(self) -> AnswerParser:
        return SpokenParser()


def spoken(*texts: str, reason: str = "stop") -> list[Event]:
    """One token each, and the end."""
    said: list[Event] = [TextDelta(text, count) for count, text in enumerate(texts, 1)]
    end = Finished(
        "length" if reason == "length" else "stop",
        prompt_tokens=len(PROMPT_TOKENS),
        cached_tokens=2,
        completion_tokens=len(texts),
        prompt_s=0.5,
        completion_s=0.25,
    )
    return [*said, end]
