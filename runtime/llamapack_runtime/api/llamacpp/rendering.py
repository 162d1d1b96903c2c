"""The event stream of /completion and /infill: pieces with "stop": false, then the end of each
choice with all that a whole reply has. No [DONE]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llamapack_runtime.api.answer import ChoiceEvent, Ended, Said
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.llamacpp.errors import as_dict
from llamapack_runtime.api.llamacpp.replies import (
    Json,
    NativeReply,
    content_of,
    probabilities,
    without_draft,
)
from llamapack_runtime.api.openai.usage import Pace
from llamapack_runtime.api.sse import KEEP_ALIVE, frame, queued
from llamapack_runtime.engine.types import PromptProgress, Queued


class NativeStream:
    """`has_progress`: tell how far the prompt has been read; `has_timings`: in every piece how
    long it took so far, as seen from here."""

    keep_alive = KEEP_ALIVE

    def __init__(
        self, reply: NativeReply, *, has_progress: bool = False, has_timings: bool = False
    ) -> None:
        self._reply = reply
        self._has_progress = has_progress
        self._has_timings = has_timings
        self._paces: Sequence[Pace] = ()
        self._with_line: set[int] = set()  # choices that have begun a new line

    def opening(self, choices: range) -> bytes:
        self._paces = [Pace(self._reply.prompt(choice).n_tokens) for choice in choices]
        return b""

    def event(self, one: ChoiceEvent) -> bytes:
        self._paces[one.choice].see(one.event)
        match one.event:
            case Queued(position):
                return queued(position)
            case PromptProgress() as progress if self._has_progress:
                return frame(self._progress(one.choice, progress))
            case Said() as said:
                return frame(self._piece(one.choice, said))
            case Ended() as end:
                text = "\n" if one.choice in self._with_line else ""
                return frame(self._reply.last(one.choice, end, text))
        return b""

    def closing(self, ends: Mapping[int, Ended]) -> bytes:  # noqa: ARG002 - nothing follows
        return b""

    def error(self, error: ApiError) -> bytes:
        return frame(as_dict(error))

    def _piece(self, choice: int, said: Said) -> Json:
        text = content_of(said)
        if "\n" in text:
            self._with_line.add(choice)
        piece = self._reply.partial(choice, text, said.tokens, said.completion_tokens)
        return piece | self._timings(choice) | probabilities(said.tokens)

    def _progress(self, choice: int, progress: PromptProgress) -> Json:
        piece = self._reply.partial(choice, "", (), 0) | self._timings(choice)
        return piece | {"prompt_progress": self._paces[choice].progress(progress)}

    def _timings(self, choice: int) -> Json:
        if not self._has_timings:
            return {}
        return {"timings": without_draft(self._paces[choice].timings())}
