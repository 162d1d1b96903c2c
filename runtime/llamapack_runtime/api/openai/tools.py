"""OpenAI's tools and the choice among them, for the chat core. BadRequest names the parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llamapack_runtime.api.errors import BadRequest, UnknownParameter
from llamapack_runtime.chat.checks import MAX_TOOLS, check_count, check_name, check_twice
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.types import NamedTool, Tool, ToolChoice

_FIELDS = ("name", "description", "parameters", "strict")
_WORDS: Mapping[str, ToolChoice] = {"none": "none", "auto": "auto", "required": "required"}


@dataclass(frozen=True, slots=True)
class Toolbox:
    """What an answer may call, and must."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = "auto"


def to_toolbox(tools: Sequence[Any] | None, choice: Any) -> Toolbox:
    """From `tools` and `tool_choice`."""
    return choose(_read(tools, "tools", _wrapped), choice)


def to_flat_tools(tools: Sequence[Any] | None) -> tuple[Tool, ...]:
    """The responses' tools, without the wrapper that chat has around a function."""
    return _read(tools, "tools", _flat)


def to_legacy_toolbox(functions: Sequence[Any] | None, choice: Any) -> Toolbox:
    """From `functions` and `function_call`, which came before tools."""
    tools = _read(functions, "functions", to_tool)
    if isinstance(choice, dict):
        choice = {"type": "function", "function": choice}
    return choose(tools, choice, "function_call")


def choose(tools: tuple[Tool, ...], choice: Any, param: str = "tool_choice") -> Toolbox:
    """`choice`: a word, a named function, or OpenAI's allowed_tools, which leaves only those."""
    if choice is None:
        return Toolbox(tools)
    if isinstance(choice, str) and choice in _WORDS:
        if choice == "required" and not tools:
            raise BadRequest(f"'{param}' requires a call, but there are no tools.", param)
        return Toolbox(tools, _WORDS[choice])
    match choice:
        case {"type": "function"}:
            return Toolbox(tools, NamedTool(_name_among(tools, choice, param)))
        case {"type": "allowed_tools"}:
            return _allowed(tools, choice.get("allowed_tools", choice), param)
    message = f"'{param}' must be none, auto, required, a function or allowed tools."
    raise BadRequest(message, param)


def to_tool(function: Any, place: str) -> Tool:
    """From {name, description, parameters, strict}, without its wrapper."""
    if not isinstance(function, dict):
        raise BadRequest(f"'{place}' must be an object with a name.", place)
    unknown = next((name for name in function if name not in _FIELDS), None)
    if unknown is not None:
        raise UnknownParameter(f"{place}.{unknown}")
    name = _checked_name(function.get("name"), f"{place}.name")
    description = function.get("description")
    parameters, strict = function.get("parameters"), function.get("strict")
    if not isinstance(description, str | None):
        raise BadRequest(f"'{place}.description' must be a text.", f"{place}.description")
    if not isinstance(parameters, dict | None):
        message = f"'{place}.parameters' must be a JSON Schema: an object."
        raise BadRequest(message, f"{place}.parameters")
    if not isinstance(strict, bool | None):
        raise BadRequest(f"'{place}.strict' must be true or false.", f"{place}.strict")
    return Tool(name, description or "", parameters or {}, bool(strict))


def _read(
    given: Sequence[Any] | None, param: str, to_one: Callable[[Any, str], Tool]
) -> tuple[Tool, ...]:
    """Not too many, and no two of one name."""
    given = given or ()
    with _naming(param):
        check_count(len(given))
    found = tuple(to_one(one, f"{param}[{index}]") for index, one in enumerate(given))
    with _naming(param):
        check_twice(found)
    return found


def _wrapped(tool: Any, place: str) -> Tool:
    """{"type": "function", "function": {...}}."""
    kind = tool.get("type", "function") if isinstance(tool, dict) else None
    if kind != "function":
        raise _unknown_kind(kind, place)
    if unknown := set(tool) - {"type", "function"}:
        raise UnknownParameter(f"{place}.{min(unknown)}")
    return to_tool(tool.get("function"), f"{place}.function")


def _flat(tool: Any, place: str) -> Tool:
    """{"type": "function", "name": ..., ...}."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind != "function":
        raise _unknown_kind(kind, place)
    return to_tool({name: value for name, value in tool.items() if name != "type"}, place)


def _unknown_kind(kind: Any, place: str) -> BadRequest:
    return BadRequest(
        f"'{place}.type' is {str(kind)[:100]!r}; this program has only tools of the type function.",
        f"{place}.type",
        "unsupported_parameter",
    )


@contextmanager
def _naming(param: str) -> Iterator[None]:
    """What the chat core refuses, by the client's name for it."""
    try:
        yield
    except ChatError as error:
        raise BadRequest(f"'{param}': {error}", param) from error


def _checked_name(name: Any, place: str) -> str:
    if not isinstance(name, str):
        raise BadRequest(f"'{place}' must be a text.", place, "invalid_type")
    with _naming(place):
        check_name(name)
    return name


def _allowed(tools: tuple[Tool, ...], allowed: Any, param: str) -> Toolbox:
    """{"mode": "auto" | "required", "tools": [...]}."""
    mode = allowed.get("mode") if isinstance(allowed, dict) else None
    names = allowed.get("tools") if isinstance(allowed, dict) else None
    if mode not in ("auto", "required") or not isinstance(names, list) or not names:
        message = f"'{param}.allowed_tools' must have a mode (auto or required) and tools."
        raise BadRequest(message, param)
    kept = {_name_among(tools, name, param) for name in names[: MAX_TOOLS + 1]}
    return Toolbox(tuple(tool for tool in tools if tool.name in kept), _WORDS[mode])


def _name_among(tools: Sequence[Tool], choice: Any, param: str) -> str:
    """Chat has the name inside of "function", the responses beside the type."""
    function = choice.get("function", choice) if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    for tool in tools:
        if tool.name == name:
            return tool.name
    message = f"'{param}' names the function {str(name)[:100]!r}, which is not among the tools."
    raise BadRequest(message, param)
