"""A Jinja template that is compiled once and rendered within limits, with what Hugging Face's
`apply_chat_template` offers to templates (transformers/utils/chat_template_utils.py).

Knows the variables of a chat template, but nothing of what the messages mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

import jinja2

from llamapack_runtime.chat.errors import ChatTemplateError, TemplateRefusal
from llamapack_runtime.chat.sandbox import MAX_SECONDS, BoundedEnvironment
from llamapack_runtime.chat.sandbox_sizes import indentation, refuse_above

MAX_TEMPLATE_CHARACTERS = 256 * 1024
MAX_OUTPUT_CHARACTERS = 16 * 1024 * 1024
MAX_JSON_INDENT = 16
MAX_DATE_FORMAT_CHARACTERS = 256
MAX_REFUSAL_CHARACTERS = 1000

# How Jinja's Python reads a variable that the template does not set before.
_RESOLVED = re.compile(r"= resolve\('(\w+)'\)")
_RESERVED = frozenset(["messages", "tools", "add_generation_prompt", "bos_token", "eos_token"])


class TemplateSource:
    """Raises ChatTemplateError if `text` is no template. `bos_token` and `eos_token` are the
    model's, "" where it has none. `names` are the variables that it reads without setting them.
    Safe to use by threads."""

    def __init__(self, text: str, *, bos_token: str, eos_token: str) -> None:
        self.text = text
        self._tokens = {"bos_token": bos_token, "eos_token": eos_token}
        self._environment = BoundedEnvironment()
        self._environment.add_filter("tojson", _tojson)
        self._environment.globals["raise_exception"] = _raise_exception
        self._environment.globals["strftime_now"] = _strftime_now
        code = self._translate()
        self.names = frozenset(_RESOLVED.findall(code))
        self._template = self._compile(code)

    def render(self, values: Mapping[str, Any], seconds: float = MAX_SECONDS) -> str:
        """The text. `values` are the template's variables: messages, tools,
        add_generation_prompt and more. TemplateRefusal in the template's words if it refuses
        them."""
        variables = {"documents": None, **values, **self._tokens}
        try:
            return self._join(self._environment.variables(variables, seconds))
        except RecursionError:
            raise TemplateRefusal("The chat template calls itself without end.") from None
        except Exception as error:  # a template's expressions can raise whatever Python can
            words = str(error)[:MAX_REFUSAL_CHARACTERS].rstrip(".") or type(error).__name__
            raise TemplateRefusal(f"The chat template refused the messages: {words}.") from error

    def check_variable(self, name: str) -> None:
        """ChatTemplateError for one that is not the user's to set."""
        if name in _RESERVED or name in self._environment.globals or not name.isidentifier():
            raise ChatTemplateError(
                f"The template variable '{name[:64]}' cannot be set; the server sets it itself.",
                "template_variables",
            )

    def _translate(self) -> str:
        """The template as Python."""
        if len(self.text) > MAX_TEMPLATE_CHARACTERS:
            raise ChatTemplateError(
                f"The chat template has {len(self.text)} characters, more than the"
                f" {MAX_TEMPLATE_CHARACTERS} that are read."
            )
        try:
            return self._environment.compile(self.text, raw=True)
        except jinja2.TemplateSyntaxError as error:
            raise ChatTemplateError(
                f"The chat template has a syntax error in line {error.lineno}: {error.message}."
            ) from error
        except (jinja2.TemplateError, RecursionError, ValueError, MemoryError) as error:
            raise _not_compiled(error) from error

    def _compile(self, code: str) -> jinja2.Template:
        try:
            compiled = compile(code, "<chat template>", "exec")
        except (RecursionError, SyntaxError, ValueError, MemoryError) as error:
            raise _not_compiled(error) from error
        environment = self._environment
        return environment.template_class.from_code(
            environment, compiled, environment.make_globals(None)
        )

    def _join(self, variables: dict[str, Any]) -> str:
        parts, size = [], 0
        for part in self._template.generate(variables):
            size += len(part)
            if size > MAX_OUTPUT_CHARACTERS:
                raise ChatTemplateError(f"it made more than {MAX_OUTPUT_CHARACTERS} characters")
            parts.append(part)
        return "".join(parts)


def _not_compiled(error: Exception) -> ChatTemplateError:
    return ChatTemplateError(f"The chat template cannot be compiled: {error}.")


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As transformers does: no HTML escapes, non-ASCII kept."""
    spaces = len(indent) if isinstance(indent, str) else indent or 0
    if spaces > MAX_JSON_INDENT or max(map(len, separators or ("",))) > MAX_JSON_INDENT:
        raise jinja2.TemplateError("its JSON has more space in it than can be useful")
    if indent is not None:
        refuse_above(indentation(value, spaces))
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
    if len(format_) > MAX_DATE_FORMAT_CHARACTERS:
        raise jinja2.TemplateError("it shows a date in too many characters")
    return datetime.now().astimezone().replace(tzinfo=None).strftime(format_)
