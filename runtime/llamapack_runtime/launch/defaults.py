"""What the settings say of answers where a request does not: how tokens are chosen, and how a chat
is put to the model."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, cast

from llamapack_runtime.chat.defaults import ChatDefaults
from llamapack_runtime.chat.types import Message, Thinking
from llamapack_runtime.chat_options import parse_opening_messages, parse_template_variables
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.sampling_options import parse_logit_biases, parse_samplers
from llamapack_runtime.settings import Settings

_Effort = Literal["minimal", "low", "medium", "high"]

# What has another name or another form among the settings.
_OTHERS = ("temperature", "seed", "samplers", "logit_bias", "min_keep", "dry_sequence_breakers")


def default_sampling(settings: Settings) -> SamplingParams:
    names = [field.name for field in fields(SamplingParams) if field.name not in _OTHERS]
    values: dict[str, Any] = {name: getattr(settings, name) for name in names}
    samplers = parse_samplers(settings.samplers)
    if samplers is not None:
        values["samplers"] = samplers
    return SamplingParams(
        temperature=settings.temp,
        seed=settings.default_seed,
        logit_bias=parse_logit_biases(settings.logit_bias),
        **values,
    )


def chat_defaults(settings: Settings) -> ChatDefaults:
    thinking = Thinking(
        enabled={"on": True, "off": False}.get(settings.reasoning),
        # The option has these choices.
        effort=cast("_Effort | None", settings.reasoning_effort),
        budget=None if settings.reasoning_budget < 0 else settings.reasoning_budget,
    )
    opening = parse_opening_messages(settings.opening_messages)
    return ChatDefaults(
        thinking,
        parse_template_variables(settings.chat_template_kwargs),
        stop=settings.stop,
        opening=tuple(Message(role, text) for role, text in opening),
    )
