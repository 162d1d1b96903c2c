"""The event stream of chat and completion: one chunk for each part, [DONE] at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llamapack_runtime.api.answer import ChoiceEvent, Ended, Said
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.openai.replies import Reply
from llamapack_runtime.api.openai.usage import Pace
from llamapack_runtime.api.parameters import Parameters
from llamapack_runtime.api.sse import DONE, KEEP_ALIVE, frame, queued
from llamapack_runtime.engine.types import PromptProgress, Queued


class ChunkStream:
    """`prompt_tokens` has the number of tokens of each choice's prompt."""

    keep_alive = KEEP_ALIVE

    def __init__(self, reply: Reply, request: Parameters, prompt_tokens: Sequence[int]) -> None:
        self._reply = reply
        self._has_usage = request.has_usage_at_end
        # As OpenAI has it: all chunks have the field then, but only the last one a value.
        self._no_usage: dict[str, object] = {"usage": None} if self._has_usage else {}
        self._has_timings = bool(request.timings_per_token)
        self._has_progress = bool(request.return_progress)
        self._paces = [Pace(count) for count in prompt_tokens]

    def opening(self, choices: range) -> bytes:
        return b"".join(map(self._frame, self._reply.openings(choices)))

    def event(self, one: ChoiceEvent) -> bytes:
        pace = self._paces[one.choice]
        pace.see(one.event)
        match one.event:
            case Said() as said:
                timings = {"timings": pace.timings()} if self._has_timings else {}
                chunks = self._reply.said(one.choice, said)
                return b"".join(self._frame(chunk | timings) for chunk in chunks)
            case Ended() as end:
                return self._frame(self._reply.closing(one.choice, end))
            case Queued(position):
                return queued(position)
            case PromptProgress() as progress if self._has_progress:
                return self._frame(self._reply.progress(one.choice, pace.progress(progress)))
        return b""

    def closing(self, ends: Mapping[int, Ended]) -> bytes:
        return (frame(self._reply.usage(ends)) if self._has_usage else b"") + DONE

    def _frame(self, chunk: dict[str, object]) -> bytes:
        return frame(chunk | self._no_usage)

    def error(self, error: ApiError) -> bytes:
        return frame(error.as_dict())
