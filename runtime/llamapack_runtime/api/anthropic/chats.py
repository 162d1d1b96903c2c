"""From Anthropic's requests to the chat core's questions."""

from __future__ import annotations

from typing import Literal

import msgspec

from llamapack_runtime.api.anthropic.messages import continues_last, to_messages
from llamapack_runtime.api.anthropic.requests import (
    CountRequest,
    Effort,
    MessageRequest,
    OutputFormat,
    ToolChoice,
    ToolOffered,
)
from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.chat.types import (
    AnswerFormat,
    Chat,
    NamedTool,
    Thinking,
    Tool,
)
from llamapack_runtime.chat.types import ToolChoice as Choice

_CHOICES: dict[str, Literal["auto", "required", "none"]] = {
    "auto": "auto",
    "any": "required",
    "none": "none",
}
_EFFORTS: dict[Effort, Literal["low", "medium", "high"]] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def to_chat(request: CountRequest) -> Chat:
    """BadRequest that names what is wrong, 501 for a modality that the model does not have."""
    messages = to_messages(request.system, request.messages)
    tools = tuple(map(_tool, request.tools or ()))
    choice = request.tool_choice
    return Chat(
        messages,
        tools=tools,
        tool_choice="auto" if choice is None else _choice(choice, tools),
        parallel_tool_calls=not (choice and choice.disable_parallel_tool_use),
        format=_format(request.format),
        thinking=_thinking(request),
        continues_last=continues_last(messages),
    )


def _tool(tool: ToolOffered) -> Tool:
    description = tool.description or ""
    if tool.input_examples:
        examples = "\n".join(msgspec.json.encode(one).decode() for one in tool.input_examples)
        description = f"{description}\nExamples of its input:\n{examples}".lstrip()
    return Tool(tool.name, description, tool.input_schema, bool(tool.strict))


def _choice(choice: ToolChoice, tools: tuple[Tool, ...]) -> Choice:
    if not tools and choice.type != "none":
        raise BadRequest("'tool_choice' needs 'tools'; send both or none.", "tool_choice")
    if choice.type != "tool":
        return _CHOICES[choice.type]
    if choice.name not in {tool.name for tool in tools}:
        message = f"'tool_choice.name' is '{(choice.name or '')[:100]}', which is none of 'tools'."
        raise BadRequest(message, "tool_choice.name")
    return NamedTool(choice.name)


def _format(asked: OutputFormat | None) -> AnswerFormat | None:
    return None if asked is None else AnswerFormat("json_schema", asked.schema)


def _thinking(request: CountRequest) -> Thinking:
    """ "adaptive" and nothing leave it to the model."""
    config, output = request.thinking, request.output_config
    effort = _EFFORTS[output.effort] if output and output.effort else None
    if config is None or config.type == "adaptive":
        return Thinking(effort=effort)
    if config.type == "disabled":
        return Thinking(enabled=False)
    budget = config.budget_tokens
    if budget is None:
        message = "'thinking.budget_tokens' is missing; say how many tokens thinking may take."
        raise BadRequest(message, "thinking.budget_tokens", "missing_required_parameter")
    if isinstance(request, MessageRequest) and budget >= request.max_tokens:
        message = (
            f"'thinking.budget_tokens' is {budget}; it must be less than 'max_tokens', "
            f"{request.max_tokens}."
        )
        raise BadRequest(message, "thinking.budget_tokens")
    return Thinking(enabled=True, effort=effort, budget=budget)
