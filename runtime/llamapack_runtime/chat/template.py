"""From messages to the text that a model was trained on, by the Jinja template of its GGUF.

Knows nothing of tokens. Templates are written for Hugging Face's `apply_chat_template`, so this
offers what that offers (transformers/utils/chat_template_utils.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

import jinja2

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.sandbox import BoundedEnvironment
from llamapack_runtime.chat.types import Message

MAX_TEMPLATE_CHARACTERS = 256 * 1024
MAX_OUTPUT_CHARACTERS = 16 * 1024 * 1024
MAX_JSON_INDENT = 16

# For a model without a template, or with one that cannot be used.
CHATML = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

_PROBE = "llamapack-probe"


class ChatTemplate:
    """Raises ChatTemplateError if `source` is no template, or cannot render a plain question.
    `bos_token` and `eos_token` are the model's, "" where it has none. Safe to use by threads."""

    def __init__(self, source: str, *, bos_token: str, eos_token: str) -> None:
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        self._environment = BoundedEnvironment()
        self._environment.filters["tojson"] = _tojson
        self._environment.globals["raise_exception"] = _raise_exception
        self._environment.globals["strftime_now"] = _strftime_now
        self._template = self._compile(source)
        self._knows_developer = "developer" in source
        # Found out by trying, with the most common answers to begin with.
        self._wants_parts = False
        self._knows_system = True
        self._wants_parts = self._needs_parts()
        self._knows_system = self._shows([Message("system", _PROBE), Message("user", "?")])

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> str:
        """The prompt. ChatTemplateError in the template's words if it refuses the messages."""
        adapted = self._adapt(messages)
        variables = {
            "messages": [self._as_dict(message) for message in adapted],
            "add_generation_prompt": add_generation_prompt,
            "tools": None,
            "documents": None,
            **self._tokens,
        }
        try:
            return self._join(self._environment.variables(variables))
        except RecursionError:
            raise ChatTemplateError("The chat template calls itself without end.") from None
        except Exception as error:  # a template's expressions can raise whatever Python can
            raise ChatTemplateError(f"The chat template refused the messages: {error}.") from error

    def _compile(self, source: str) -> jinja2.Template:
        if len(source) > MAX_TEMPLATE_CHARACTERS:
            raise ChatTemplateError(
                f"The chat template has {len(source)} characters, more than the"
                f" {MAX_TEMPLATE_CHARACTERS} that are read."
            )
        try:
            return self._environment.from_string(source)
        except jinja2.TemplateSyntaxError as error:
            raise ChatTemplateError(
                f"The chat template has a syntax error in line {error.lineno}: {error.message}."
            ) from error
        except (
            jinja2.TemplateError,
            RecursionError,
            SyntaxError,
            ValueError,
            MemoryError,
        ) as error:
            raise ChatTemplateError(f"The chat template cannot be compiled: {error}.") from error

    def _join(self, variables: dict[str, Any]) -> str:
        parts, size = [], 0
        for part in self._template.generate(variables):
            size += len(part)
            if size > MAX_OUTPUT_CHARACTERS:
                raise ChatTemplateError(f"it made more than {MAX_OUTPUT_CHARACTERS} characters")
            parts.append(part)
        return "".join(parts)

    def _adapt(self, messages: Sequence[Message]) -> list[Message]:
        adapted = list(messages)
        if not self._knows_developer:
            adapted = [_as_system(message) for message in adapted]
        return adapted if self._knows_system else _merge_system(adapted)

    def _as_dict(self, message: Message) -> dict[str, Any]:
        content: object = message.content
        if self._wants_parts:
            content = [{"type": "text", "text": message.content}]
        named = {} if message.name is None else {"name": message.name}
        return {"role": message.role, "content": content, **named}

    def _needs_parts(self) -> bool:
        """Whether content must be a list of typed parts. A plain question must work either way;
        what a template answers to that, it raises here, before any user meets it."""
        question = [Message("user", _PROBE)]
        if self._shows(question):
            return False
        self._wants_parts = True
        if self._shows(question):
            return True
        self._wants_parts = False
        if _PROBE in self.render(question):
            return False
        raise ChatTemplateError("The chat template does not show what the user says.")

    def _shows(self, messages: Sequence[Message]) -> bool:
        try:
            return _PROBE in self.render(messages)
        except ChatTemplateError:
            return False


def _as_system(message: Message) -> Message:
    if message.role != "developer":
        return message
    return Message("system", message.content, message.name)


def _merge_system(messages: Sequence[Message]) -> list[Message]:
    """For templates without a system role: what the system says opens the first user message."""
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    others = [m for m in messages if m.role != "system"]
    if not system:
        return others
    for index, message in enumerate(others):
        if message.role == "user":
            merged = Message("user", f"{system}\n\n{message.content}", message.name)
            return [*others[:index], merged, *others[index + 1 :]]
    return [Message("user", system), *others]


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers does: no HTML escapes, non-ASCII kept."""
    if isinstance(indent, int) and indent > MAX_JSON_INDENT:
        raise jinja2.TemplateError(f"an indentation of {indent} is too wide")
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _strftime_now(format_: str) -> str:
    return datetime.now().astimezone().strftime(format_)
