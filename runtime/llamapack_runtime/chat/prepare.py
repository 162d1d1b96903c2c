"""From a chat to a prompt, and to how its answer is read and bounded: the choice of tools, formats
and reasoning, as the model's template and vocabulary have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

from llamapack_runtime.chat.checks import check_tools
from llamapack_runtime.chat.errors import (
    About,
    ChatError,
    ChatTemplateError,
    TemplateRefusal,
    blaming,
)
from llamapack_runtime.chat.formats import format_lark, whole_grammar
from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.parts import AnswerParser
from llamapack_runtime.chat.reading import Reader, Reading, ReadingParser
from llamapack_runtime.chat.reasoning import (
    Phase,
    begins,
    budget_of,
    ending,
    marks_of,
    phase_of,
    read_reasoning,
    reasoning_lark,
    switches,
    thinking_variables,
)
from llamapack_runtime.chat.template import ChatTemplate
from llamapack_runtime.chat.tools.calls import Allowed, Calls, arguments_schema
from llamapack_runtime.chat.tools.choice import native_format
from llamapack_runtime.chat.tools.format import ToolFormat
from llamapack_runtime.chat.tools.generic import GENERIC, with_tools, with_words
from llamapack_runtime.chat.types import Chat, Message, NamedTool, Tool
from llamapack_runtime.engine.errors import GrammarError
from llamapack_runtime.engine.types import ReasoningLimit

if TYPE_CHECKING:  # the compiler of grammars is loaded when the first one is asked for
    from llamapack_runtime.engine.grammar import Grammar


class Words(Protocol):
    """What is needed of a vocabulary."""

    def tokenize(self, text: str, *, add_special: bool, parse_special: bool) -> tuple[int, ...]: ...

    def piece(self, token: int) -> bytes: ...

    def grammar(self, lark: str) -> Grammar: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """The prompt as text, and the fields of a `chat.prompt.Prompt` that go with it."""

    text: str
    parser: Callable[[], AnswerParser]
    stop: tuple[str, ...]
    grammar: Grammar | None
    shown_tokens: frozenset[int]
    reasoning_limit: ReasoningLimit | None


class Preparer:
    """For one model. Used by any number of threads."""

    def __init__(self, template: ChatTemplate, words: Words) -> None:
        self._template = template
        self._words = words
        self._can = template.capabilities
        known = native_format(self._can.source)
        self._reads_all = known if known is not None and known.reads_all else None
        self._native = known if known is not None and self._can.shows_tools else None
        self._marks, self._thinks = marks_of(self._can.source)

    def prepare(self, chat: Chat) -> Prepared:
        """`chat` has its system message. ChatError when it cannot be had like this."""
        check_tools(chat)
        text, format_ = self._rendered(chat)
        phase = self._phase(chat, text)
        if chat.thinking.enabled is False and self._must_end(phase):
            text, phase = text + ending(phase, self._marks), "over"
        return Prepared(
            text,
            parser=partial(ReadingParser, self._reading(chat, format_, phase)),
            stop=() if format_ is None else format_.stop,
            grammar=self._grammar(chat, format_, phase),
            shown_tokens=self._shown(format_),
            reasoning_limit=self._limit(chat, phase),
        )

    @property
    def has_native_tools(self) -> bool:
        """Whether the template shows tools, and it is known how its models call them."""
        return self._native is not None

    def plain(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> str:
        """The text of a conversation without more."""
        worded = with_words(messages, self._can, is_native=self._native is not None)
        return self._template.render(worded, add_generation_prompt=add_generation_prompt)

    def _format(self, chat: Chat) -> ToolFormat | None:
        if chat.tools:
            return self._native or GENERIC
        return self._reads_all

    def _rendered(self, chat: Chat) -> tuple[str, ToolFormat | None]:
        """And the format of its calls. Some templates refuse tools in an order of messages, or
        with a system message, that they take without: then the tools are told in words."""
        native = self._native
        try:
            return self._render(chat, is_native=native is not None), self._format(chat)
        except TemplateRefusal as refusal:
            if not chat.tools or native is None or native.reads_all:
                raise
            try:
                return self._render(chat, is_native=False), GENERIC
            except ChatTemplateError:
                raise refusal from None

    def _render(self, chat: Chat, *, is_native: bool) -> str:
        variables = thinking_variables(chat.thinking, self._can)
        messages = with_words(chat.messages, self._can, is_native=is_native)
        if chat.tools and not is_native:
            messages = with_tools(messages, chat.tools)
        return self._template.render(
            messages,
            tools=chat.tools if is_native else (),
            continues_last=chat.continues_last,
            variables={**variables, **chat.template_variables},
        )

    def _phase(self, chat: Chat, text: str) -> Phase:
        if not chat.continues_last:
            return phase_of(text, self._marks)
        last = chat.messages[-1]
        return "inside" if last.reasoning and not last.content else "over"

    def _must_end(self, phase: Phase) -> bool:
        """Whether the template leaves it to us that there is no reasoning."""
        return phase == "inside" or (phase == "before" and self._thinks and not switches(self._can))

    def _reading(
        self, chat: Chat, format_: ToolFormat | None, phase: Phase
    ) -> Callable[[Reader], Reading[None]]:
        tools = () if chat.tool_choice == "none" else chat.tools
        n_called = sum(len(message.tool_calls) for message in chat.messages)

        def read(reader: Reader) -> Reading[None]:
            if format_ is None or not format_.reasons:
                yield from read_reasoning(reader, self._marks, phase)
                if chat.tools:
                    yield from reader.space()
            if format_ is not None:
                yield from format_.read(Calls(reader, tools, format_.new_id, n_called))

        return read

    def _grammar(self, chat: Chat, format_: ToolFormat | None, phase: Phase) -> Grammar | None:
        if not chat.tools and chat.format is None:
            return None
        if not self._thinks:
            phase = "over"
        lark = None
        if chat.format is not None and not chat.tools and phase == "over" and format_ is None:
            with blaming("format", chat.format.param):
                lark = whole_grammar(chat.format)
        if lark is None:
            lark = self._lark(chat, format_, phase)
        try:
            return self._words.grammar(lark)
        except GrammarError as error:
            raise self._refusal(chat, error) from error

    def _lark(self, chat: Chat, format_: ToolFormat | None, phase: Phase) -> str:
        rules = Rules(self._controls)
        answer = None
        if chat.format is not None:
            with blaming("format", chat.format.param):
                answer = format_lark(rules, chat.format)
        unless = begins(self._marks) if phase == "before" else None
        tools, is_required = _allowed_tools(chat)
        is_parallel = chat.parallel_tool_calls and not isinstance(chat.tool_choice, NamedTool)
        allowed = Allowed(tools, is_required, is_parallel, answer, unless)
        if format_ is not None and (tools or format_.reads_all):
            expression = format_.lark(rules, allowed)
        else:
            without = format_.opening if format_ is not None else None
            expression = allowed.text(rules, without=without)
        if format_ is not None and format_.reasons:
            return rules.grammar(expression)
        return rules.grammar(reasoning_lark(rules, self._marks, phase, expression))

    def _refusal(self, chat: Chat, error: GrammarError) -> ChatError:
        """The error of the part that cannot be used."""
        for tool in chat.tools:
            rules = Rules()
            try:
                self._words.grammar(rules.grammar(rules.json(arguments_schema(tool))))
            except GrammarError as its_error:
                return ChatError(
                    f"The parameters of the tool '{tool.name}' cannot be used. {its_error}",
                    "tools",
                )
        place = chat.format.param if chat.format is not None else ""
        about: About = "tools" if chat.format is None else "format"
        return ChatError(f"The answer cannot have this format. {error}", about, place)

    def _limit(self, chat: Chat, phase: Phase) -> ReasoningLimit | None:
        budget = budget_of(chat.thinking, self._can)
        if budget is None or phase == "over":
            return None
        end = self._marks.end
        return ReasoningLimit(
            max_tokens=budget,
            end=end,
            end_tokens=self._words.tokenize(end, add_special=False, parse_special=True),
            begin=None if phase == "inside" else self._marks.begin,
        )

    def _shown(self, format_: ToolFormat | None) -> frozenset[int]:
        """The control tokens that the parser must see."""
        seen = (self._marks.begin, self._marks.end, *(format_.marks if format_ else ()))
        return frozenset(self._controls[mark] for mark in seen if mark in self._controls)

    @cached_property
    def _controls(self) -> Mapping[str, int]:
        """The marks that are tokens of their own without a text."""
        formats = (self._native, self._reads_all, GENERIC)
        marks = {mark for one in formats if one is not None for mark in one.marks}
        found = {mark: self._control(mark) for mark in marks | {self._marks.begin, self._marks.end}}
        return {mark: token for mark, token in found.items() if token is not None}

    def _control(self, mark: str) -> int | None:
        tokens = self._words.tokenize(mark, add_special=False, parse_special=True)
        return tokens[0] if len(tokens) == 1 and not self._words.piece(tokens[0]) else None


def _allowed_tools(chat: Chat) -> tuple[tuple[Tool, ...], bool]:
    """Those that may be called, and whether one must be."""
    match chat.tool_choice:
        case "none":
            return (), False
        case NamedTool(name):
            return tuple(tool for tool in chat.tools if tool.name == name), True
        case choice:
            return chat.tools, choice == "required"
