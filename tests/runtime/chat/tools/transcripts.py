# ruff: noqa: E501, RUF001  # answers are easier to read in one line; marks as models write them
"""Answers as models of each family write them: a word before two calls of the tools below."""

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
from llamapack_runtime.chat.types import Tool

WEATHER = Tool(
    "get_weather",
    "The weather of a city.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "exact": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
)
TIME = Tool("now", "The time.", {"type": "object", "properties": {}, "additionalProperties": False})
TOOLS = (WEATHER, TIME)
CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    ("get_weather", {"city": 'Köln "Süd"', "days": 2, "exact": True, "tags": ["a b", "c"]}),
    ("now", {}),
)
_JSON = r'{"city": "Köln \"Süd\"", "days": 2, "exact": true, "tags": ["a b", "c"]}'
_CALL = f'{{"name": "get_weather", "arguments": {_JSON}}}'
_NOW = '{"name": "now", "arguments": {}}'
_LINES = 'Köln "Süd"\n</parameter>\n<parameter=days>\n2\n</parameter>\n<parameter=exact>\ntrue\n</parameter>\n<parameter=tags>\n["a b", "c"]\n</parameter>\n'


def _glm(line: str) -> str:
    pairs = (("city", 'Köln "Süd"'), ("days", "2"), ("exact", "true"), ("tags", '["a b", "c"]'))
    written = "".join(
        f"<arg_key>{key}</arg_key>{line}<arg_value>{value}</arg_value>{line}"
        for key, value in pairs
    )
    return f"Hm.<tool_call>get_weather{line}{written}</tool_call>\n<tool_call>now{line}</tool_call>"


def _dsml(section: str) -> str:
    d = "｜DSML｜"
    pairs = (
        ("city", "true", 'Köln "Süd"'),
        ("days", "false", "2"),
        ("exact", "false", "true"),
        ("tags", "false", '["a b", "c"]'),
    )
    written = "".join(
        f'<{d}parameter name="{key}" string="{kind}">{value}</{d}parameter>\n'
        for key, kind, value in pairs
    )
    return f'Hm.<{d}{section}>\n<{d}invoke name="get_weather">\n{written}</{d}invoke>\n<{d}invoke name="now">\n</{d}invoke>\n</{d}{section}>'


_GEMMA = '<|tool_call>call:get_weather{city:<|"|>Köln "Süd"<|"|>,days:2,exact:true,tags:[<|"|>a b<|"|>,<|"|>c<|"|>]}<tool_call|><|tool_call>call:now{}<tool_call|>'
_SEPARATOR = "<｜tool▁sep｜>"
_R1 = f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function{_SEPARATOR}get_weather\n```json\n{_JSON}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function{_SEPARATOR}now\n```json\n{{}}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
_V31 = f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather{_SEPARATOR}{_JSON}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now{_SEPARATOR}{{}}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
_KIMI = f"<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{_JSON}<|tool_call_end|><|tool_call_begin|>functions.now:1<|tool_call_argument_begin|>{{}}<|tool_call_end|><|tool_calls_section_end|>"
_COHERE = f'<|START_ACTION|>[\n    {{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {_JSON}}},\n    {{"tool_call_id": "1", "tool_name": "now", "parameters": {{}}}}\n]<|END_ACTION|>'

# By name: the format, an answer, and whether words may come before calls.
ANSWERS: dict[str, tuple[ToolFormat, str, bool]] = {
    "hermes": (hermes.FORMATS[0], f"Hm.<tool_call>\n{_CALL}\n</tool_call>\n<tool_call>\n{_NOW}\n</tool_call>", True),
    "qwen coder": (qwen_coder.FORMATS[1], f"Hm.<tool_call>\n<function=get_weather>\n<parameter=city>\n{_LINES}</function>\n</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>", True),
    "seed": (qwen_coder.FORMATS[0], f"Hm.<seed:tool_call>\n<function=get_weather>\n<parameter=city>{_LINES.replace(chr(10) + '</', '</').replace('>' + chr(10) + '2', '>2').replace('>' + chr(10) + 'true', '>true').replace('>' + chr(10) + '[', '>[')}</function>\n</seed:tool_call>\n<seed:tool_call>\n<function=now>\n</function>\n</seed:tool_call>", True),
    "llama": (llama.FORMATS[0], f'{_CALL}; {_NOW}'.replace("arguments", "parameters"), False),
    "mistral list": (mistral.FORMATS[2], f"Hm.[TOOL_CALLS][{_CALL}, {_NOW}]", True),
    "mistral named": (mistral.FORMATS[1], f"Hm.[TOOL_CALLS]get_weather[ARGS]{_JSON}[TOOL_CALLS]now[ARGS]{{}}", True),
    "mistral identified": (mistral.FORMATS[0], f"Hm.[TOOL_CALLS]get_weather[CALL_ID]abcdefghi[ARGS]{_JSON}[TOOL_CALLS]now[CALL_ID]abcdefgh1[ARGS]{{}}", True),
    "deepseek r1": (deepseek.FORMATS[2], f"Hm.{_R1}", True),
    "deepseek v3.1": (deepseek.FORMATS[3], f"Hm.{_V31}", True),
    "deepseek v3.2": (deepseek.FORMATS[0], _dsml("function_calls"), True),
    "deepseek v4": (deepseek.FORMATS[1], _dsml("tool_calls"), True),
    "kimi": (kimi.FORMATS[0], f"Hm.{_KIMI}", True),
    "glm": (glm.FORMATS[0], _glm("\n"), True),
    "glm dense": (glm.FORMATS[0], _glm(""), True),
    "minimax m1": (minimax.FORMATS[1], f"Hm.<tool_calls>\n{_CALL}\n{_NOW}\n</tool_calls>", True),
    "minimax m2": (minimax.FORMATS[0], 'Hm.<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Köln "Süd"</parameter>\n<parameter name="days">2</parameter>\n<parameter name="exact">true</parameter>\n<parameter name="tags">["a b", "c"]</parameter>\n</invoke>\n<invoke name="now">\n</invoke>\n</minimax:tool_call>', True),
    "gemma": (gemma.FORMATS[0], f"Hm.{_GEMMA}", True),
    "granite": (granite.FORMATS[1], f"Hm.<|tool_call|>[{_CALL}, {_NOW}]", True),
    "phi": (granite.FORMATS[0], f"Hm.<|tool_call|>[{_CALL}, {_NOW}]<|/tool_call|>", True),
    "nemotron": (nemotron.FORMATS[0], f"Hm.<TOOLCALL>[{_CALL}, {_NOW}]</TOOLCALL>", True),
    "apriel": (nemotron.FORMATS[1], f"Hm.<tool_calls>[{_CALL}, {_NOW}]</tool_calls>", True),
    "firefunction": (nemotron.FORMATS[2], f"Hm. functools[{_CALL}, {_NOW}]", True),
    "cohere": (cohere.FORMATS[0], _COHERE, False),
    "command r+": (cohere.FORMATS[1], f'Hm.Action:\n```json\n[{{"tool_name": "get_weather", "parameters": {_JSON}}}, {{"tool_name": "now", "parameters": {{}}}}]\n```', True),
    "functionary 3.1": (functionary.FORMATS[1], f"Hm.<function=get_weather>{_JSON}</function><function=now>{{}}</function>", True),
    "functionary 3.2": (functionary.FORMATS[0], f"all\nHm.>>>get_weather\n{_JSON}>>>now\n{{}}", True),
    "lfm2": (lfm2.FORMATS[0], """Hm.<|tool_call_start|>[get_weather(city="Köln \\"Süd\\"", days=2, exact=True, tags=["a b", "c"]), now()]<|tool_call_end|>""", True),
    "harmony": (harmony.FORMATS[0], f"<|channel|>commentary<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{_JSON}", True),
}  # fmt: skip
