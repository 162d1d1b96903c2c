"""Which format a chat template's models write, by the marks that the template has."""

from __future__ import annotations

import pytest

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
from llamapack_runtime.chat.tools.choice import FORMATS, native_format
from llamapack_runtime.chat.tools.format import ToolFormat


@pytest.mark.parametrize(
    ("source", "format_"),
    [
        ("<tool_call>{json}</tool_call>", hermes.FORMATS[0]),
        ("<tool_call><function=x><parameter=y>", qwen_coder.FORMATS[1]),
        ("<seed:think> <function=x><parameter=y>", qwen_coder.FORMATS[0]),
        ("<tool_call>x<arg_key>", glm.FORMATS[0]),
        ("'<|tool_call>call:' x", gemma.FORMATS[0]),
        ("[TOOL_CALLS][", mistral.FORMATS[2]),
        ("[TOOL_CALLS]x[ARGS]", mistral.FORMATS[1]),
        ("[TOOL_CALLS]x[CALL_ID]y[ARGS]", mistral.FORMATS[0]),
        ("<|start|>x<|channel|>final<|message|>", harmony.FORMATS[0]),
        ("<｜tool▁calls▁begin｜> ```json", deepseek.FORMATS[2]),  # noqa: RUF001  # its marks
        ("<｜tool▁calls▁begin｜>", deepseek.FORMATS[3]),  # noqa: RUF001  # its marks
        ("<|tool_calls_section_begin|><|tool_call_begin|>", kimi.FORMATS[0]),
        ("<minimax:tool_call><invoke", minimax.FORMATS[0]),
        ("<|START_ACTION|>", cohere.FORMATS[0]),
        ("<|tool_call|>", granite.FORMATS[1]),
        ("<|tool|><|/tool|>", granite.FORMATS[0]),
        ("<TOOLCALL>[", nemotron.FORMATS[0]),
        ("<|tool_call_start|>", lfm2.FORMATS[0]),
        (">>>all >>>${recipient}", functionary.FORMATS[0]),
        ('<|start_header_id|> {"name": x, "parameters": y}', llama.FORMATS[0]),
        ("<|im_start|>", None),
    ],
)
def test_marks_tell_the_format(source: str, format_: ToolFormat | None) -> None:
    assert native_format(source) is format_


def test_each_family_names_what_opens_its_calls() -> None:
    for format_ in FORMATS:
        assert format_.opening or format_.reads_all
