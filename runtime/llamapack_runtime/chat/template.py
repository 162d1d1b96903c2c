"""From messages to the text that a model was trained on, by the Jinja template of its GGUF.

Knows nothing of tokens, nor of how a model writes what it answers. Templates are written for
Hugging Face's `apply_chat_template`, and the text is the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.template_messages import as_dicts, tool_variables
from llamapack_runtime.chat.template_probe import TemplateCapabilities, probe
from llamapack_runtime.chat.template_source import MAX_TEMPLATE_CHARACTERS, TemplateSource
from llamapack_runtime.chat.types import Message, Tool

__all__ = ["CHATML", "MAX_TEMPLATE_CHARACTERS", "ChatTemplate", "TemplateCapabilities"]

# For a model without a template, or with one that cannot be used.
CHATML = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

_NOTHING: Mapping[str, Any] = MappingProxyType({})
# Hugging Face's; the space at its end tells whether the template keeps spaces.
_END = "CONTINUE_FINAL_MESSAGE_TAG "


class ChatTemplate:
    """Raises ChatTemplateError if `source` is no template, or cannot render a plain question.
    `bos_token` and `eos_token` are the model's, "" where it has none. Safe to use by threads."""

    def __init__(self, source: str, *, bos_token: str, eos_token: str) -> None:
        self._source = TemplateSource(source, bos_token=bos_token, eos_token=eos_token)
        self._shape, self.capabilities = probe(self._source)

    def render(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        add_generation_prompt: bool = True,
        continues_last: bool = False,
        variables: Mapping[str, Any] = _NOTHING,
    ) -> str:
        """The prompt. `variables` are more of the template's, such as enable_thinking.
        `continues_last`: it ends where the last message, an assistant's, ends so far.
        ChatTemplateError in the template's words if it refuses the messages, and in ours for what
        it would leave out: see `capabilities`."""
        self._check_shown(messages, tools)
        if continues_last:
            return self._render_open(messages, tools, variables)
        return self._render(messages, tools, variables, add_generation_prompt)

    def generation_prompt(self, variables: Mapping[str, Any] = _NOTHING) -> str:
        """What opens an answer to a plain question, as far as it depends on the template's
        `add_generation_prompt`: `<|im_start|>assistant\\n<think>\\n` …"""
        question = [Message("user", "?")]
        closed = self._render(question, (), variables, add_generation_prompt=False)
        opened = self._render(question, (), variables, add_generation_prompt=True)
        return opened[len(closed) :] if opened.startswith(closed) else ""

    def _render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        variables: Mapping[str, Any],
        add_generation_prompt: bool,
    ) -> str:
        for name in variables:
            self._source.check_variable(name)
        values = {
            **variables,
            **tool_variables(tools, self._shape),
            "messages": as_dicts(messages, self._shape),
            "add_generation_prompt": add_generation_prompt,
        }
        return self._source.render(values)

    def _render_open(
        self, messages: Sequence[Message], tools: Sequence[Tool], variables: Mapping[str, Any]
    ) -> str:
        """As Hugging Face's `continue_final_message`: a mark at the message's end is cut off with
        all that follows, and the spaces before it if the template takes the message's away."""
        begun = messages[-1] if messages else None
        if begun is None or begun.role != "assistant" or begun.tool_calls:
            raise ChatTemplateError(
                "Only a last message of the assistant's, without tool calls, can be continued."
            )
        if begun.content or not begun.reasoning:
            marked = replace(begun, content=begun.content + _END)
            text = begun.content
        else:
            marked = replace(begun, reasoning=begun.reasoning + _END)
            text = begun.reasoning
        rendered = self._render([*messages[:-1], marked], tools, variables, False)
        end = rendered.rfind(_END.strip())
        if end < 0 or text.strip() not in rendered:
            raise ChatTemplateError(
                "The last message cannot be continued: this model's chat template changes it."
            )
        kept = rendered[:end]
        return kept if rendered.startswith(_END, end) else kept.rstrip()

    def _check_shown(self, messages: Sequence[Message], tools: Sequence[Tool]) -> None:
        can = self.capabilities
        for asked, shown, what in (
            (bool(tools), can.shows_tools, "tools"),
            (any(m.tool_calls for m in messages), can.shows_tool_calls, "tool calls"),
            (
                any(len(m.tool_calls) > 1 for m in messages),
                can.shows_parallel_calls,
                "several tool calls in one message",
            ),
            (any(m.role == "tool" for m in messages), can.shows_tool_results, "tools' results"),
        ):
            if asked and not shown:
                message = f"This model's chat template does not show {what}."
                raise ChatTemplateError(message, "tools" if what == "tools" else "messages")
