"""Conversations as people have them with models: what every chat template is asked to render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llamapack_runtime.chat.types import Message, Tool, ToolCall

# Mistral's templates refuse identifiers that are not nine letters and digits.
_FIRST, _SECOND = "a1b2c3d4e", "f5g6h7i8j"

WEATHER = Tool(
    "get_weather",
    "The weather at a place, «now» & soon <beta>.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where: Zürich, 東京 …"},
            "days": {"type": "integer", "description": "How many"},
            "unit": {"type": "string", "enum": ["celsius", "kelvin"], "description": "Of degrees"},
        },
        "required": ["city"],
    },
)
TIME = Tool(
    "get_time",
    "The time in a zone.",
    {
        "type": "object",
        "properties": {
            "zone": {"type": "string", "description": "IANA's name"},
            "formats": {
                "type": "array",
                "items": {"type": "string"},
                "description": "As strftime has them",
            },
        },
        "required": ["zone"],
    },
)
TOOLS = (WEATHER, TIME)

_SYSTEM = Message("system", "You are kind.\nToday is a good day.")
_ASK = Message("user", "How warm is it in Zürich? 🌡️")
_CALL = ToolCall(_FIRST, "get_weather", '{"city": "Zürich-Nord", "days": 2, "unit": "celsius"}')
_OTHER_CALL = ToolCall(_SECOND, "get_time", '{"zone": "Asia/Tokyo", "formats": ["%H:%M", "%z"]}')
_RESULT = Message("tool", '{"degrees": 21.5, "sky": "clear ☀"}', tool_call_id=_FIRST)
_OTHER_RESULT = Message("tool", "18:30", tool_call_id=_SECOND)
_CALLING = Message("assistant", "", tool_calls=(_CALL,))
_ANSWER = Message("assistant", "It is 21.5 °C.")
_REASONING = "The user wants degrees.\n\nI have them: 21.5."


@dataclass(frozen=True, slots=True)
class Conversation:
    """`name` says what is in it. `variables` are the template's."""

    name: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    continues_last: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)


_TURNS = (
    _SYSTEM,
    Message("user", "Grüße aus 東京! 👋🏽 <b>1 & 2</b> \"quoted\" {{ not.code }} 'x'"),
    Message("assistant", "Hello!\n\n```python\nprint('ß')\n```"),
    Message("user", "  And\tnow? \n"),
)
_THOUGHT = (
    _ASK,
    Message("assistant", "It is 21.5 °C.", reasoning=_REASONING),
    Message("user", "Sure?"),
)
_THOUGHT_CALL = (
    _ASK,
    Message("assistant", "", reasoning=_REASONING, tool_calls=(_CALL,)),
    _RESULT,
)

CONVERSATIONS = (
    Conversation("plain", (Message("user", "Hi"),)),
    Conversation("turns", _TURNS),
    Conversation("tools", (_ASK,), TOOLS),
    Conversation("tools and system", (_SYSTEM, _ASK), TOOLS),
    Conversation("call", (_SYSTEM, _ASK, _CALLING, _RESULT), TOOLS),
    Conversation(
        "call and follow-up",
        (_SYSTEM, _ASK, _CALLING, _RESULT, _ANSWER, Message("user", "Danke. Und morgen?")),
        TOOLS,
    ),
    Conversation(
        "said and called",
        (_ASK, Message("assistant", "Let me look.", tool_calls=(_CALL,)), _RESULT),
        TOOLS,
    ),
    Conversation(
        "two calls",
        (
            _ASK,
            Message("assistant", "", tool_calls=(_CALL, _OTHER_CALL)),
            _RESULT,
            _OTHER_RESULT,
        ),
        TOOLS,
    ),
    Conversation("call without tools", (_ASK, _CALLING, _RESULT, _ANSWER, _ASK)),
    Conversation("reasoning", _THOUGHT),
    Conversation("reasoning last", _THOUGHT[:2]),
    Conversation("reasoning and call", _THOUGHT_CALL, TOOLS),
    Conversation("thinking off", _TURNS, variables={"enable_thinking": False, "thinking": False}),
    Conversation("thinking on", _THOUGHT, variables={"enable_thinking": True, "thinking": True}),
    Conversation("effort", _TURNS[:2], variables={"reasoning_effort": "low"}),
    Conversation(
        "continued",
        (_ASK, Message("assistant", "It is about 21 ")),
        continues_last=True,
    ),
    Conversation("continued with nothing", (_ASK, Message("assistant", "")), continues_last=True),
)
