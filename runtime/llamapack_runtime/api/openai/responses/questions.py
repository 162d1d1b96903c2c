"""From a request for a response, and what was said before, to the chat core's question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.fitting import fitted
from llamapack_runtime.api.formats import response_format_of, to_format
from llamapack_runtime.api.openai.responses.items import Json, to_messages
from llamapack_runtime.api.openai.responses.requests import ResponsesRequest
from llamapack_runtime.api.openai.tools import choose, to_flat_tools
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.types import AnswerFormat, Chat, Message, Thinking

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

_SYSTEM = ("system", "developer")
# Room for an answer that has no limit of its own, when a conversation is cut to fit: at most this
# much, and a quarter of the context.
_ANSWER_TOKENS = 1024


def to_chat(request: ResponsesRequest, items: Sequence[Json]) -> Chat:
    """`items` are the whole conversation. BadRequest names the parameter."""
    messages = [*to_messages(items)]
    if request.instructions:
        messages.insert(0, Message("system", request.instructions))
    if not messages:
        raise BadRequest("'input' is empty; send a text or items.", "input")
    toolbox = choose(to_flat_tools(request.tools), request.tool_choice)
    return Chat(
        messages=tuple(messages),
        tools=toolbox.tools,
        tool_choice=toolbox.choice,
        parallel_tool_calls=request.parallel_tool_calls is not False,
        format=_format(request),
        thinking=_thinking(request),
    )


def prompt_of(session: Session, request: ResponsesRequest, items: Sequence[Json]) -> Prompt:
    """`items` are the whole conversation. Blocking. BadRequest names the parameter."""
    return prepared(session, to_chat(request, items), request)


def prepared(session: Session, chat: Chat, request: ResponsesRequest) -> Prompt:
    """Blocking. With truncation "auto" the oldest turns are left out until the rest fits, and an
    answer with it."""
    if request.truncation != "auto":
        return session.prepare(chat)
    turns = [i for i, one in enumerate(chat.messages) if one.role == "user"]
    room = session.n_ctx - _answer_room(session, request)
    prompt, _ = fitted(lambda start: session.prepare(_from(chat, start)), [0, *turns[1:]], room)
    return prompt


def _answer_room(session: Session, request: ResponsesRequest) -> int:
    asked = request.token_limit
    return min(_ANSWER_TOKENS if asked is None or asked < 0 else asked, session.n_ctx // 4)


def _from(chat: Chat, start: int) -> Chat:
    """The system's messages stay."""
    kept = [one for one in chat.messages[:start] if one.role in _SYSTEM]
    return replace(chat, messages=(*kept, *chat.messages[start:]))


def _format(request: ResponsesRequest) -> AnswerFormat | None:
    asked = request.text.format if request.text else None
    other, wanted = to_format(request), response_format_of(asked, "text.format", "schema")
    if wanted is not None and other is not None:
        message = "'text.format' and another parameter each say what the answer must match."
        raise BadRequest(message, "text.format")
    return wanted or other


def _thinking(request: ResponsesRequest) -> Thinking:
    effort = request.reasoning.effort if request.reasoning else None
    return Thinking(enabled=False) if effort == "none" else Thinking(effort=effort)
