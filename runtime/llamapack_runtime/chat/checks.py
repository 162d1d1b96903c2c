"""What a chat may ask for, whatever the model. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llamapack_runtime.chat.errors import ChatError, blaming
from llamapack_runtime.chat.formats import check_schema
from llamapack_runtime.chat.types import Chat, NamedTool, Tool

MAX_TOOLS = 128
MAX_DESCRIPTION_CHARACTERS = 64 * 1024
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")


def check_tools(chat: Chat) -> None:
    """ChatError that names the tool and what is wrong with it."""
    with blaming("tools"):
        _check_tools(chat)
    with blaming("tool_choice"):
        _check_choice(chat)


def check_count(n_tools: int) -> None:
    if n_tools > MAX_TOOLS:
        raise ChatError(f"There are {n_tools} tools; at most {MAX_TOOLS} are possible.")


def check_name(name: str) -> None:
    """ChatError for one that no tool can have."""
    if not _NAME.fullmatch(name):
        raise ChatError(
            f"The tool name '{name[:160]}' is not possible: it must have 1 to 128 letters, digits,"
            " underscores, hyphens and dots."
        )


def check_twice(tools: Sequence[Tool]) -> None:
    known: set[str] = set()
    for tool in tools:
        if tool.name in known:
            raise ChatError(f"There are two tools with the name '{tool.name}'.")
        known.add(tool.name)


def _check_tools(chat: Chat) -> None:
    check_count(len(chat.tools))
    for tool in chat.tools:
        _check_tool(tool)
    check_twice(chat.tools)


def _check_tool(tool: Tool) -> None:
    check_name(tool.name)
    if len(tool.description) > MAX_DESCRIPTION_CHARACTERS:
        raise ChatError(
            f"The description of the tool '{tool.name}' has {len(tool.description)} characters; at"
            f" most {MAX_DESCRIPTION_CHARACTERS} are possible."
        )
    schema = dict(tool.parameters)
    check_schema(schema, f"The schema of the tool '{tool.name}'")
    kind = schema.get("type", "object")
    if kind != "object":
        raise ChatError(
            f"The schema of the tool '{tool.name}' must have the type 'object', not"
            f" {str(kind)[:64]!r}."
        )
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        raise ChatError(f"'properties' of the tool '{tool.name}' must be an object.")


def _check_choice(chat: Chat) -> None:
    choice, names = chat.tool_choice, [tool.name for tool in chat.tools]
    if isinstance(choice, NamedTool):
        if choice.name not in names:
            raise ChatError(f"The tool choice '{choice.name[:160]}' is not one of the tools.")
    elif choice == "required" and not names:
        raise ChatError("A tool call is required, but there are no tools.")
