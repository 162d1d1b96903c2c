"""Chooses how a model writes calls from its chat template."""

from __future__ import annotations

from llamapack_runtime.chat.tools import (
    cohere,
    deepseek,
    functionary,
    gemma,
    glm,
    granite,
    harmony,
    hermes,
    kimi,
    lfm2,
    llama,
    minimax,
    mistral,
    nemotron,
    qwen_coder,
)
from llamapack_runtime.chat.tools.format import ToolFormat

# The first that detects a template is its format: marks of one family are words in others.
FORMATS: tuple[ToolFormat, ...] = (
    *harmony.FORMATS,
    *functionary.FORMATS,
    *kimi.FORMATS,
    *deepseek.FORMATS,
    *mistral.FORMATS,
    *gemma.FORMATS,
    *minimax.FORMATS,
    *glm.FORMATS,
    *qwen_coder.FORMATS,
    *cohere.FORMATS,
    *nemotron.FORMATS,
    *lfm2.FORMATS,
    *granite.FORMATS,
    *hermes.FORMATS,
    *llama.FORMATS,
)


def native_format(source: str) -> ToolFormat | None:
    """The format that the models of this chat template were trained on, if it is known."""
    return next((one for one in FORMATS if one.detects(source)), None)
