"""From OpenAI's request for chat to the chat core's question. Pure: BadRequest names the
parameter."""

from __future__ import annotations

from collections.abc import Sequence

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.formats import to_format
from llamapack_runtime.api.openai.messages import to_messages
from llamapack_runtime.api.openai.requests import ChatRequest
from llamapack_runtime.api.openai.tools import Toolbox, to_legacy_toolbox, to_toolbox
from llamapack_runtime.chat.types import Chat, Message, Thinking

# Parts of the prompt that have parameters of their own.
_RESERVED_VARIABLES = ("messages", "tools", "add_generation_prompt", "continue_final_message")
_BUDGETS = ("thinking_budget_tokens", "reasoning_budget_tokens", "reasoning_budget")


def to_chat(request: ChatRequest) -> Chat:
    messages = to_messages(request.messages)
    toolbox = _toolbox(request)
    return Chat(
        messages=tuple(messages),
        tools=toolbox.tools,
        tool_choice=toolbox.choice,
        parallel_tool_calls=request.parallel_tool_calls is not False and not is_legacy(request),
        format=to_format(request, request.response_format),
        thinking=_thinking(request),
        continues_last=_continues_last(request, messages),
        template_variables=_template_variables(request),
    )


def is_legacy(request: ChatRequest) -> bool:
    """Whether it has functions instead of tools, and wants its answer in that shape."""
    return bool(request.functions)


def n_probs_of(request: ChatRequest) -> int | None:
    """The number of other candidates for each token, None when no probabilities are wanted."""
    if request.logprobs:
        return request.top_logprobs or 0
    if request.top_logprobs:
        message = "'top_logprobs' is only there with 'logprobs': true."
        raise BadRequest(message, "top_logprobs")
    return request.n_probs or None


def _toolbox(request: ChatRequest) -> Toolbox:
    for older, newer in (("functions", "tools"), ("function_call", "tool_choice")):
        if getattr(request, older) and getattr(request, newer):
            message = f"'{older}' is the older name of '{newer}'; send one of them."
            raise BadRequest(message, older)
    if is_legacy(request):
        return to_legacy_toolbox(request.functions, request.function_call)
    return to_toolbox(request.tools, request.tool_choice or request.function_call)


def _thinking(request: ChatRequest) -> Thinking:
    effort, switch = request.reasoning_effort, _switch(request)
    if effort == "none":
        if switch:
            message = "'reasoning_effort' is none, but enable_thinking is true."
            raise BadRequest(message, "reasoning_effort")
        return Thinking(enabled=False)
    return Thinking(switch, effort, _budget(request))


def _switch(request: ChatRequest) -> bool | None:
    """As Qwen's templates call it, and llama-server and vLLM with them."""
    switch = (request.chat_template_kwargs or {}).get("enable_thinking")
    if switch is not None and not isinstance(switch, bool):
        param = "chat_template_kwargs.enable_thinking"
        raise BadRequest(f"'{param}' must be true or false.", param, "invalid_type")
    return switch


def _budget(request: ChatRequest) -> int | None:
    """-1: no limit."""
    given = {name: getattr(request, name) for name in _BUDGETS}
    budgets = {name: budget for name, budget in given.items() if budget is not None}
    if len(set(budgets.values())) > 1:
        names = " and ".join(f"'{name}'" for name in budgets)
        raise BadRequest(f"{names} are names of one limit; send one of them.", next(iter(budgets)))
    budget = next(iter(budgets.values()), -1)
    return None if budget < 0 else budget


def _template_variables(request: ChatRequest) -> dict[str, object]:
    variables = request.chat_template_kwargs or {}
    taken = next((name for name in _RESERVED_VARIABLES if name in variables), None)
    if taken is not None:
        param = f"chat_template_kwargs.{taken}"
        raise BadRequest(f"'{param}' has a parameter of its own: '{taken}'.", param)
    return dict(variables)


def _continues_last(request: ChatRequest, messages: Sequence[Message]) -> bool:
    """An assistant's message that is the last one is continued, as llama-server does it, unless
    the client wants a new one by vLLM's parameters."""
    last = messages[-1]
    can = last.role == "assistant" and not last.tool_calls
    wants, opens_new = request.continue_final_message, request.add_generation_prompt
    if wants and opens_new:
        message = "'continue_final_message' and 'add_generation_prompt' exclude each other."
        raise BadRequest(message, "continue_final_message")
    if (wants or opens_new is False) and not can:
        param = "continue_final_message" if wants else "add_generation_prompt"
        message = f"'{param}': the last message must be an assistant's, without tool calls."
        raise BadRequest(message, param)
    return can and wants is not False and not opens_new
