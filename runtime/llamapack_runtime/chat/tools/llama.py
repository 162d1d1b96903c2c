"""Llama 3.1 to 3.3: an answer that is one JSON object, {"name": …, "parameters": {…}}."""

from __future__ import annotations

import re

from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.reading import Reading
from llamapack_runtime.chat.tools.calls import Allowed, Calls
from llamapack_runtime.chat.tools.format import ToolFormat, has
from llamapack_runtime.chat.tools.json_calls import CallObject

_TAG = "<|python_tag|>"
_CALL = CallObject(arguments="parameters", template='{"name": $NAME, "parameters": $ARGUMENTS}')
_BEGINNING = r'\s*\{\s*"(name|type|function)"(?s:.*)'
_OPENING = '{"name": '


def read(calls: Calls) -> Reading[None]:
    """Only at the beginning is an object a call: an answer may hold JSON as well."""
    reader = calls.reader
    reader.keep()
    yield from reader.space()
    yield from reader.literal(_TAG)
    yield from reader.space()
    while (yield from _CALL.read(calls)):
        reader.keep()
        yield from reader.space()
        yield from reader.literal(";")
        yield from reader.space()
    if reader.is_kept:
        reader.rewind()
        if reader.is_cut_off and _begins_call(reader.available):
            reader.drop()


def _begins_call(text: str) -> bool:
    begun = text.strip()
    call = begun.removeprefix(";").lstrip().removeprefix(_TAG).lstrip()
    is_opening = bool(call) and _OPENING.startswith(call)
    return call != begun or is_opening or re.match(_BEGINNING, call) is not None


def lark(rules: Rules, allowed: Allowed) -> str:
    calls = allowed.calls(rules, _CALL.any_lark(rules, allowed), '"; "')
    if allowed.is_required:
        return calls
    answer = allowed.text(rules, unless=_BEGINNING)
    return rules.rule(f"{answer} | {rules.exact(_TAG)}? {calls}")


FORMATS = (
    ToolFormat(
        has("<|start_header_id|>", '"parameters"', '{"name": '),
        read,
        lark,
        _OPENING,
        (_TAG,),
    ),
)
