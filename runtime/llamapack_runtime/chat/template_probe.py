"""What a chat template shows, and how it wants messages written, found out by trying.

Templates say neither. So a few small conversations with conspicuous words are rendered, and what
of them appears in the text is what the template shows. llama.cpp does the same (common/jinja)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.sandbox import MAX_SECONDS
from llamapack_runtime.chat.template_messages import MessageShape, as_dicts, tool_variables
from llamapack_runtime.chat.template_source import TemplateSource
from llamapack_runtime.chat.types import Message, Tool, ToolCall

_WORD = "llamapack-probe"
_KEY, _VALUES = "probe_key", ("probe-value", "probe-other")
_RESULT, _REASONING = "probe-result", "probe-reasoning"
# Nine letters and digits: Mistral's templates refuse other identifiers.
_IDS = ("prbcall01", "prbcall02")
_FUNCTIONS = ("probe_first", "probe_second")

_QUESTION = Message("user", _WORD)
_TOOL = Tool(
    _FUNCTIONS[0],
    "probe-description",
    {
        "type": "object",
        "properties": {_KEY: {"type": "string", "description": "probe"}},
        "required": [_KEY],
    },
)
_CALLS = tuple(
    ToolCall(id_, name, f'{{"{_KEY}": "{value}"}}')
    for id_, name, value in zip(_IDS, _FUNCTIONS, _VALUES, strict=True)
)


@dataclass(frozen=True, slots=True)
class TemplateCapabilities:
    """What a template does by itself; what it does not, somebody must write as plain text.
    `variables` are the names that `source` reads without setting them. `shows_call_ids`: so they
    must be given back as the model wrote them. `shows_parallel_calls`: several in one message."""

    source: str
    variables: frozenset[str]
    wants_parts: bool = False
    shows_system: bool = True
    shows_tools: bool = False
    shows_tool_calls: bool = False
    shows_parallel_calls: bool = False
    shows_tool_results: bool = False
    shows_call_ids: bool = False
    shows_reasoning: bool = False

    def reads(self, variable: str) -> bool:
        """Whether the template is told something by `variable`: enable_thinking, thinking,
        reasoning_effort …"""
        return variable in self.variables


def probe(source: TemplateSource) -> tuple[MessageShape, TemplateCapabilities]:
    """Raises ChatTemplateError, in the template's words, if it cannot render a plain question."""
    return _Probe(source).run()


class _Probe:
    """All probes together take no longer than one rendering may: `source` may be hostile."""

    def __init__(self, source: TemplateSource) -> None:
        self._source = source
        self._deadline_s = time.monotonic() + MAX_SECONDS

    def run(self) -> tuple[MessageShape, TemplateCapabilities]:
        shape = replace(self._question_shape(), developer="developer" in self._source.text)
        shape = replace(shape, system=self._shows_system(shape))
        shape, shows_tools = self._tools_shape(shape)
        shape, call_text = self._call_shape(shape)
        shape, shows_reasoning = self._reasoning_shape(shape, bool(call_text))
        return shape, TemplateCapabilities(
            source=self._source.text,
            variables=self._source.names,
            wants_parts=shape.parts,
            shows_system=shape.system,
            shows_tools=shows_tools,
            shows_tool_calls=bool(call_text),
            shows_parallel_calls=bool(call_text) and self._shows_parallel(shape),
            shows_tool_results=_RESULT in call_text or self._shows_result_alone(shape),
            shows_call_ids=_IDS[0] in call_text,
            shows_reasoning=shows_reasoning,
        )

    def _question_shape(self) -> MessageShape:
        """What a template answers to a plain question in every shape, it raises here, before any
        user meets it. A tool_use template may want a list of no tools."""
        for parts, lists_no_tools in product((False, True), (False, True)):
            shape = MessageShape(parts=parts, lists_no_tools=lists_no_tools)
            if _WORD in self._try(shape, _QUESTION):
                return shape
        if _WORD in self._render(MessageShape(), [_QUESTION]):
            return MessageShape()
        raise ChatTemplateError("The chat template does not show what the user says.")

    def _shows_system(self, shape: MessageShape) -> bool:
        return _WORD in self._try(shape, Message("system", _WORD), Message("user", "?"))

    def _tools_shape(self, shape: MessageShape) -> tuple[MessageShape, bool]:
        # SmolLM3's template has a name of its own for tools.
        for name in ("tools", "xml_tools"):
            candidate = replace(shape, tools=name)
            if name in self._source.names and _FUNCTIONS[0] in self._try(
                candidate, _QUESTION, tools=[_TOOL]
            ):
                return candidate, True
        return shape, False

    def _call_shape(self, shape: MessageShape) -> tuple[MessageShape, str]:
        """The shape in which a call is shown and the text of it, "" when none shows it."""
        if "tool_calls" not in self._source.text:
            return shape, ""
        conversation = _conversation(n_calls=1)
        for candidate in _call_shapes(shape):
            text = self._try(candidate, *conversation)
            if not _shows_call(text):
                continue
            if candidate.no_content is None:
                # Some write the word for a content that is not there.
                other = self._try(replace(candidate, no_content=""), *conversation)
                if _shows_call(other) and _nothings(text) > _nothings(other):
                    continue
            return candidate, text
        return shape, ""

    def _shows_parallel(self, shape: MessageShape) -> bool:
        text = self._try(shape, *_conversation(n_calls=2))
        return all(value in text for value in _VALUES)

    def _shows_result_alone(self, shape: MessageShape) -> bool:
        """After a call that was written as plain text."""
        said = Message("assistant", "A call.")
        return _RESULT in self._try(shape, _QUESTION, said, _result(0))

    def _reasoning_shape(self, shape: MessageShape, has_calls: bool) -> tuple[MessageShape, bool]:
        """Many templates show only the reasoning that led to a call."""
        said = Message("assistant", "An answer.", reasoning=_REASONING)
        conversations = [_conversation(n_calls=1, reasoning=_REASONING)] if has_calls else []
        conversations.append((_QUESTION, said))
        if "reasoning" not in self._source.text and "thinking" not in self._source.text:
            return shape, False
        for names in (False, True):
            candidate = replace(shape, names_reasoning=names)
            if any(_REASONING in self._try(candidate, *each) for each in conversations):
                return candidate, True
        return shape, False

    def _try(self, shape: MessageShape, *messages: Message, tools: Sequence[Tool] = ()) -> str:
        """The text, "" when the template refuses."""
        try:
            return self._render(shape, messages, tools)
        except ChatTemplateError:
            return ""

    def _render(
        self, shape: MessageShape, messages: Sequence[Message], tools: Sequence[Tool] = ()
    ) -> str:
        values = {
            **tool_variables(tools, shape),
            "messages": as_dicts(messages, shape),
            "add_generation_prompt": True,
        }
        return self._source.render(values, self._deadline_s - time.monotonic())


def _call_shapes(shape: MessageShape) -> Iterator[MessageShape]:
    contents: tuple[str | None, ...] = (None, "")
    for arguments_text, no_content in product((False, True), contents):
        yield replace(shape, arguments_text=arguments_text, no_content=no_content)


def _conversation(*, n_calls: int, reasoning: str | None = None) -> tuple[Message, ...]:
    calls = Message("assistant", "", reasoning=reasoning, tool_calls=_CALLS[:n_calls])
    return (_QUESTION, calls, *(_result(index) for index in range(n_calls)))


def _result(index: int) -> Message:
    return Message("tool", _RESULT, name=_FUNCTIONS[index], tool_call_id=_IDS[index])


def _shows_call(text: str) -> bool:
    """Whole, and neither as Python writes a dictionary nor as a text within JSON."""
    wrong = (f"'{_KEY}':", f'\\"{_KEY}')
    return all(word in text for word in (_FUNCTIONS[0], _KEY, _VALUES[0])) and not any(
        word in text for word in wrong
    )


def _nothings(text: str) -> int:
    return text.count("None") + text.count("null")
