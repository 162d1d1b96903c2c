"""What the packer or the command line wants of every chat that does not say it itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from llamapack_runtime.chat.types import Chat, Message, Thinking


@dataclass(frozen=True, slots=True)
class ChatDefaults:
    """`template_variables` that the template does not read change nothing. `stop`: texts that end
    every answer, besides those that the chat itself names. `opening`: messages that stand before
    those of every chat, behind what its system says."""

    thinking: Thinking = field(default_factory=Thinking)
    template_variables: Mapping[str, Any] = field(default_factory=dict)
    stop: tuple[str, ...] = ()
    opening: tuple[Message, ...] = ()

    def applied(self, chat: Chat) -> Chat:
        """What the chat says wins, value by value. One that switches its reasoning on is not
        bounded by a default of 0 tokens."""
        own, default = chat.thinking, self.thinking
        budget = default.budget if own.budget is None else own.budget
        if own.enabled and own.budget is None and budget == 0:
            budget = None
        thinking = Thinking(
            enabled=default.enabled if own.enabled is None else own.enabled,
            effort=default.effort if own.effort is None else own.effort,
            budget=budget,
        )
        variables = {**self.template_variables, **chat.template_variables}
        return replace(chat, thinking=thinking, template_variables=variables)
