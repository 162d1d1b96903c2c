"""What all families share: the calls of one answer, and what a chat allows of them. Pure."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llamapack_runtime.chat.closed_schema import closed
from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.parts import CallArguments, CallBegins
from llamapack_runtime.chat.reading import Reader, Reading
from llamapack_runtime.chat.tools.partial_json import JsonText
from llamapack_runtime.chat.types import Tool

NAME = re.compile(r"[a-zA-Z0-9_.-]")
MAX_NAME = 128

# From a tool's name and the number of the call in its conversation.
NewId = Callable[[str, int], str]


def random_id(_name: str, _index: int) -> str:
    """As OpenAI's."""
    return f"call_{secrets.token_hex(12)}"


def short_id(_name: str, _index: int) -> str:
    """As Mistral's templates demand: nine letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))


@dataclass(frozen=True, slots=True)
class Allowed:
    """The calls that an answer may have. `tools`: those that may be called; `is_required`: at
    least one, and nothing else; `is_parallel`: more than one. `answer`: the expression of what the
    answer may be where it has no call, None for any text that does not begin with what the regular
    expression `unless` matches."""

    tools: tuple[Tool, ...]
    is_required: bool = False
    is_parallel: bool = True
    answer: str | None = None
    unless: str | None = None

    def text(self, rules: Rules, *, unless: str | None = None, without: str | None = None) -> str:
        """The answer without a call."""
        if self.answer is not None:
            return self.answer
        return rules.text(unless=self._unless(unless), without=without)

    def calls(self, rules: Rules, call: str, between: str = "") -> str:
        """One call, or (parallel) some."""
        return rules.rule(f"{call} ({between} {call})*" if self.is_parallel else call)

    def after(self, rules: Rules, mark: str, calls: str, *, unless: str | None = None) -> str:
        """The whole answer, where `mark` opens what `calls` allows: behind any text, unless calls
        are required. `unless`: what that text must not begin with, as a regular expression."""
        calls = rules.rule(calls)
        if self.is_required:
            return rules.rule(f"{rules.exact(mark)} {calls}")
        if self.answer is not None:
            return rules.rule(f"{self.answer} | {rules.exact(mark)} {calls}")
        head = rules.until(mark, unless=self._unless(unless))
        return rules.rule(f"{self.text(rules, unless=unless)} | {head} {calls}")

    def _unless(self, also: str | None) -> str | None:
        each = [one for one in (self.unless, also) if one is not None]
        return "|".join(each) if each else None


class Calls:
    """The calls in one answer: says them as parts. `tools` are those that are known;
    `n_before` calls were in the conversation."""

    def __init__(
        self, reader: Reader, tools: Sequence[Tool], new_id: NewId = random_id, n_before: int = 0
    ) -> None:
        self.reader = reader
        self._tools = {tool.name: tool for tool in tools}
        self._new_id = new_id
        self._n_before = n_before
        self._count = 0

    def tool(self, name: str) -> Tool | None:
        return self._tools.get(name)

    def begin(self, name: str) -> None:
        """From here on there is no way back: what was read is a call."""
        self.reader.release()
        id_ = self._new_id(name, self._n_before + self._count)
        self.reader.emit(CallBegins(self._count, id_, name))
        self._count += 1

    def break_off(self, opening: str) -> None:
        """What `opening` opened is no call: content, unless the call had begun already, or might
        have gone on. The reader was kept behind it."""
        if self.reader.is_kept and self.reader.is_cut_off:
            self.reader.drop()
        elif self.reader.is_kept:
            self.reader.rewind()
            self.reader.content(opening)

    def say(self, text: str) -> None:
        """More of the latest call's arguments."""
        if text:
            self.reader.emit(CallArguments(self._count - 1, text))


def read_sections(
    calls: Calls, opening: str, section: Callable[[Calls], Reading[object]], closing: str = ""
) -> Reading[None]:
    """Wherever `opening` comes, `section` reads calls and `closing` may follow; what is around is
    content, and so is an opening behind which no call begins."""
    reader = calls.reader
    while (yield from reader.until(opening, say=reader.content)) is not None:
        reader.keep()
        yield from section(calls)
        if reader.is_kept:
            calls.break_off(opening)
            continue
        yield from reader.space()
        yield from reader.literal(closing)
        yield from reader.space()


def json_arguments(calls: Calls, name: str) -> Reading[bool]:
    """Read the JSON object that comes next as the arguments of a call that begins here. False if
    there is none, or it breaks: then the call has begun, and its arguments are ended."""
    reader = calls.reader
    if (yield from reader.peek()) != "{" or calls.tool(name) is None:
        return False
    calls.begin(name)
    return (yield from json_value(reader, calls.say))


def json_value(reader: Reader, say: Callable[[str], None]) -> Reading[bool]:
    """Say the JSON value that comes next. Where it breaks it is ended, and False returned."""
    value = JsonText()
    while True:
        text = reader.available
        count = value.push(text)
        reader.skip(count)
        say(value.taken())
        if value.is_complete:
            return True
        if count < len(text) or not (yield from reader.more()):
            say(value.closing())
            return False


def arguments_schema(tool: Tool) -> dict[str, Any]:
    """What the arguments of a call must be: always an object."""
    schema = closed(tool.parameters)
    return {"type": "object", **schema}
