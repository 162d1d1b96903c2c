"""The object that a response is: what was asked for, and what came of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llamapack_runtime.api.answer import Ended
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.openai.responses.requests import ResponsesRequest
from llamapack_runtime.chat.types import Tool
from llamapack_runtime.engine.sampling import SamplingParams

Json = dict[str, Any]


def _new_id() -> str:
    return f"resp_{secrets.token_hex(24)}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """`tools` are all that were given, `sampling` is what the engine was told."""

    request: ResponsesRequest
    model: str
    tools: Sequence[Tool]
    sampling: SamplingParams
    response_id: str = field(default_factory=_new_id)
    created_at: int = field(default_factory=lambda: int(time.time()))

    def in_progress(self) -> Json:
        return self._show("in_progress", ())

    def ended(self, output: Sequence[Json], end: Ended) -> Json:
        if end.reason == "length":
            details = {"reason": "max_output_tokens"}
            return self._show("incomplete", output, end) | {"incomplete_details": details}
        return self._show("completed", output, end) | {"completed_at": int(time.time())}

    def failed(self, output: Sequence[Json], error: ApiError) -> Json:
        code = "rate_limit_exceeded" if error.status in (429, 503) else "server_error"
        return self._show("failed", output) | {"error": {"code": code, "message": str(error)}}

    def _show(self, status: str, output: Sequence[Json], end: Ended | None = None) -> Json:
        asked = self.request
        return {
            "id": self.response_id,
            "object": "response",
            "created_at": self.created_at,
            "completed_at": None,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.instructions,
            "max_output_tokens": asked.max_output_tokens,
            "max_tool_calls": asked.max_tool_calls,
            "model": self.model,
            "output": [*output],
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "previous_response_id": asked.previous_response_id,
            "prompt_cache_key": asked.prompt_cache_key,
            "reasoning": self._reasoning(),
            "safety_identifier": asked.safety_identifier,
            "service_tier": "default",
            "store": asked.store is not False,
            "temperature": self.sampling.temperature,
            "text": self._text(),
            "tool_choice": asked.tool_choice or "auto",
            "tools": [_tool(tool) for tool in self.tools],
            "top_logprobs": asked.top_logprobs or 0,
            "top_p": self.sampling.top_p,
            "truncation": asked.truncation or "disabled",
            "usage": None if end is None else usage(end),
            "user": asked.user,
            "metadata": asked.metadata or {},
        }

    def _reasoning(self) -> Json:
        asked = self.request.reasoning
        if asked is None:
            return {"effort": None, "summary": None}
        return {"effort": asked.effort, "summary": asked.summary or asked.generate_summary}

    def _text(self) -> Json:
        text = self.request.text
        form = (text.format if text else None) or {"type": "text"}
        return {"format": form, "verbosity": (text.verbosity if text else None) or "medium"}


def usage(end: Ended) -> Json:
    finished = end.finished
    return {
        "input_tokens": finished.prompt_tokens,
        "input_tokens_details": {
            "cached_tokens": finished.cached_tokens,
            "cache_write_tokens": 0,  # nobody pays for it
        },
        "output_tokens": finished.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": end.reasoning_tokens},
        "total_tokens": finished.prompt_tokens + finished.completion_tokens,
    }


def _tool(tool: Tool) -> Json:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description or None,
        "parameters": dict(tool.parameters),
        "strict": tool.strict,
    }
