"""Calls of a real, small model: whatever it chooses, they are valid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from llamapack_runtime.chat.parts import CallArguments, CallBegins, Part, joined
from llamapack_runtime.chat.session import Session
from llamapack_runtime.chat.types import Chat, Message, NamedTool, Tool
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampling import SamplingParams
from llamapack_runtime.engine.types import Request, TextDelta
from runtime.engine.listener import Listener
from runtime.engine.real_session import session

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_PLACE = {"type": "string", "maxLength": 12}


def _tool(name: str, description: str, required: Sequence[str], **properties: Any) -> Tool:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        "$defs": {"who": {"type": "object", "properties": {"name": _PLACE}}},
    }
    return Tool(name, description, schema)


TOOLS = (
    _tool("get_weather", "The weather of a city.", ["city"], city=_PLACE, days={"type": "integer"}),
    _tool("get_time", "What time it is.", []),
    _tool(
        "book_room",
        "Book a hotel room.",
        ["city", "guests", "extras"],
        city=_PLACE,
        guests={"type": "integer", "minimum": 1, "maximum": 6},
        extras={
            "type": "array",
            "items": {"enum": ["breakfast", "parking"]},
            "maxItems": 2,
        },
    ),
    _tool(
        "convert",
        "Convert an amount of money.",
        ["amount", "currency"],
        amount={"type": "number"},
        currency={"type": "string", "pattern": "^[A-Z]{3}$"},
    ),
    _tool(
        "note",
        "Keep a note.",
        ["text", "urgent"],
        text={"type": "string", "maxLength": 16},
        urgent={"type": "boolean"},
        about={"anyOf": [{"type": "null"}, {"$ref": "#/$defs/who"}]},
    ),
)
QUESTIONS = (
    "What is the weather like in Paris?",
    "What time is it?",
    "Book a room in Rome for two with breakfast.",
    "How much are 20 dollars in euros?",
    "Remember to call Ann.",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way."""

    session: Session
    listener: Listener
    parser: Any

    @classmethod
    def ask(cls, session: Session, chat: Chat, seed: int) -> Asked:
        prompt = session.prepare(chat)
        listener = Listener()
        request = Request(
            f"{id(listener)}",
            prompt.tokens,
            SamplingParams(temperature=0.8, seed=seed),
            max_tokens=200,
            stop=prompt.stop,
            grammar=prompt.grammar,
            shown_tokens=prompt.shown_tokens,
        )
        session.submit(request, listener)
        return cls(session, listener, prompt.parser)

    def calls(self, *, may_be_cut: bool = False) -> list[tuple[str, Any]]:
        """Which the pieces of the stream and the whole text agree on; without the last one of an
        answer that was cut off."""
        is_cut = self.listener.finished().reason == "length"
        assert may_be_cut or not is_cut, self.listener.text
        streamed = self._parts([e.text for e in self.listener.events if isinstance(e, TextDelta)])
        assert streamed == self._parts([self.listener.text])
        if is_cut:
            del streamed[-1:]
        return [(name, json.loads(arguments)) for name, arguments in streamed]

    def _parts(self, pieces: Sequence[str]) -> list[tuple[str, str]]:
        parser = self.parser()
        found: list[Part] = joined(
            [part for piece in pieces for part in parser.push(piece)] + parser.finish()
        )
        names = [part.name for part in found if isinstance(part, CallBegins)]
        texts = [part.text for part in found if isinstance(part, CallArguments)]
        return list(zip_longest(names, texts, fillvalue=""))


def chat(question: str, **options: Any) -> Chat:
    return Chat((Message("user", question),), **{"tools": TOOLS, **options})


def check(calls: Sequence[tuple[str, Any]]) -> None:
    for name, arguments in calls:
        [tool] = [tool for tool in TOOLS if tool.name == name]
        Draft202012Validator(tool.parameters).validate(arguments)


def test_a_hundred_required_calls_are_valid(smol_model: Model) -> None:
    options = {"tool_choice": "required", "parallel_tool_calls": False}
    with session(smol_model, n_ctx=8192, n_seq_max=5) as open_session:
        for seed in range(20):
            asked = [
                Asked.ask(open_session, chat(question, **options), seed) for question in QUESTIONS
            ]
            for one in asked:
                calls = one.calls()
                assert len(calls) == 1
                check(calls)


def test_named_and_parallel_and_free_choices(smol_model: Model) -> None:
    with session(smol_model, n_ctx=8192, n_seq_max=5) as open_session:
        named = [
            Asked.ask(open_session, chat(QUESTIONS[0], tool_choice=NamedTool(tool.name)), 1)
            for tool in TOOLS
        ]
        parallel = [
            Asked.ask(open_session, chat(" ".join(QUESTIONS), tool_choice="required"), seed)
            for seed in range(2)
        ]
        free = [
            Asked.ask(open_session, chat(question, parallel_tool_calls=False), seed)
            for seed, question in enumerate(QUESTIONS)
        ]
        assert [one.calls()[0][0] for one in named] == [tool.name for tool in TOOLS]
        for one in named:
            check(one.calls())
        # A model this small talks, or goes on calling, until it is cut off.
        several = [one.calls(may_be_cut=True) for one in (*parallel, *free)]
        assert max(map(len, several)) > 1
        for calls in several:
            check(calls)
