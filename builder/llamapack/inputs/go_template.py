"""Ollama's templates, the simple well-known forms, as Jinja chat templates.

A template with `range .Messages` sees the whole conversation. Any other is one turn, which Ollama
puts in again for each one, and of the last one what comes before the answer. Source of both:
template/template.go of Ollama, Execute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from llamapack.inputs.go_expression import Expression, literal
from llamapack.inputs.go_lexer import Action, TemplateProblem, Text, Word, pieces

__all__ = ["TemplateProblem", "to_jinja"]

MAX_DEPTH = 50
MAX_VARIABLE_CHARS = 2000
_SYSTEM = (
    "(messages|selectattr('role', 'equalto', 'system')|map(attribute='content')|join('\\n\\n'))"
)
_TURN = {".System": "turn.system", ".Prompt": "turn.prompt", ".Response": "turn.response"}
_WHOLE = {".Messages": "messages", ".System": _SYSTEM}
_MESSAGE = {".Role": "message.role", ".Content": "(message.content or '')"}
_ANSWER = _TURN[".Response"]
_RESET = "{% set turn.system = '' %}{% set turn.prompt = '' %}{% set turn.response = '' %}"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What may be named. `dot` is for fields alone, `rooted` for what begins with `$`."""

    dot: Mapping[str, str]
    rooted: Mapping[str, str]
    depth: int = 0

    @property
    def names(self) -> Mapping[str, str]:
        return {**self.dot, **self.rooted}


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the result. `is_range`: the loop over the messages. `is_answer`: where a turn's
    answer stands, so that a prompt ends there."""

    jinja: str
    is_range: bool = False
    is_answer: bool = False


def to_jinja(template: str) -> str:
    """The same as a Jinja chat template of `messages` and `add_generation_prompt`. Raises
    TemplateProblem for what cannot be translated."""
    found = pieces(template)
    fields = [word.text for piece in found if isinstance(piece, Action) for word in piece.words]
    jinja = _translated(found, fields)
    if not any(field.endswith((".Prompt", ".Content")) for field in fields):
        raise TemplateProblem("it does not show what the user says")
    return jinja


def _translated(found: list[Text | Action], fields: list[str]) -> str:
    if any(field in (".Messages", "$.Messages") for field in fields):
        return _of_messages(_Reader(found).read(_scope(_WHOLE)))
    return _of_turns(_Reader(found).read(_scope(_TURN)))


def _scope(dot: Mapping[str, str]) -> _Scope:
    return _Scope(dot, {f"${name}": value for name, value in dot.items()})


def _of_messages(parts: list[_Part]) -> str:
    """What comes behind the last message opens the answer."""
    last = max((at for at, part in enumerate(parts) if part.is_range), default=len(parts) - 1)
    opening = "".join(part.jinja for part in parts[last + 1 :])
    said = "".join(part.jinja for part in parts[: last + 1])
    return said + (f"{{% if add_generation_prompt %}}{opening}{{% endif %}}" if opening else "")


def _of_turns(parts: list[_Part]) -> str:
    if not any(part.is_answer for part in parts):
        parts = [*parts, _Part(f"{{{{ {_ANSWER} }}}}", is_answer=True)]
    turn = "".join(part.jinja for part in parts)
    before = takewhile(lambda part: not part.is_answer, parts)
    opening = "".join(part.jinja for part in before) + f"{{{{ {_ANSWER} }}}}"
    return (
        "{% set turn = namespace(system='', prompt='', response='') %}"
        "{% for message in messages %}"
        "{% if message.role == 'system' %}"
        f"{{% if turn.prompt or turn.response %}}{turn}{_RESET}{{% endif %}}"
        "{% set turn.system = message.content or '' %}"
        "{% elif message.role == 'user' %}"
        f"{{% if turn.response %}}{turn}{_RESET}{{% endif %}}"
        "{% set turn.prompt = message.content or '' %}"
        "{% elif message.role == 'assistant' %}"
        "{% set turn.response = message.content or '' %}"
        "{% endif %}{% endfor %}"
        f"{{% if turn.response and not add_generation_prompt %}}{turn}"
        f"{{% else %}}{opening}{{% endif %}}"
    )


class _Reader:
    """Goes through the pieces of a template once."""

    def __init__(self, found: list[Text | Action]) -> None:
        self._found = found
        self._at = 0

    def read(self, scope: _Scope) -> list[_Part]:
        """All of the template. TemplateProblem."""
        parts, ended = self._block(scope)
        if ended is not None:
            raise _problem(ended)
        return parts

    def _block(self, scope: _Scope) -> tuple[list[_Part], Action | None]:
        """The parts up to an `else` or `end` of what is around them, and that one."""
        if scope.depth > MAX_DEPTH:
            raise TemplateProblem("its blocks are too deep")
        parts: list[_Part] = []
        while self._at < len(self._found):
            piece = self._found[self._at]
            self._at += 1
            if isinstance(piece, Text):
                parts.append(_Part(f"{{{{ {literal(piece.text)} }}}}"))
                continue
            head = piece.words[0] if piece.words else Word("mark", "")
            if head == Word("name", "end") or head == Word("name", "else"):
                return parts, piece
            part, scope = self._action(piece, head, scope)
            parts.append(part)
        return parts, None

    def _action(self, action: Action, head: Word, scope: _Scope) -> tuple[_Part, _Scope]:
        if head == Word("name", "if"):
            return self._if(action, scope), scope
        if head == Word("name", "range"):
            return self._range(action, scope), scope
        if (
            head.kind == "variable"
            and len(action.words) > 2
            and action.words[1].text in (":=", "=")
        ):
            return self._variable(action, head, scope)
        value = Expression(action, action.words, scope.names).read()
        return _Part(f"{{{{ {value} }}}}", is_answer=value == _ANSWER), scope

    def _if(self, action: Action, scope: _Scope) -> _Part:
        inner = replace(scope, depth=scope.depth + 1)
        is_answer = False
        condition = Expression(action, action.words[1:], scope.names).read()
        jinja = f"{{% if {condition} %}}"
        while True:
            parts, ended = self._block(inner)
            jinja += "".join(part.jinja for part in parts)
            if any(part.is_answer for part in parts):
                is_answer = True
                if condition != _ANSWER:
                    raise TemplateProblem("its .Response stands in an 'if'")
            if ended is None:
                raise TemplateProblem("it has an 'if' without its 'end'")
            words = ended.words
            if words == (Word("name", "end"),):
                return _Part(jinja + "{% endif %}", is_answer=is_answer)
            if words == (Word("name", "else"),):
                jinja += "{% else %}"
            elif len(words) > 2 and words[1] == Word("name", "if"):
                condition = Expression(ended, words[2:], scope.names).read()
                jinja += f"{{% elif {condition} %}}"
            else:
                raise _problem(ended)

    def _range(self, action: Action, scope: _Scope) -> _Part:
        words = action.words[1:]
        rooted = dict(scope.rooted)
        if len(words) == 5 and words[1].text == "," and words[3].text == ":=":
            rooted[words[0].text] = "loop.index0"
            rooted[words[2].text] = "message"
            rooted |= {words[2].text + field: value for field, value in _MESSAGE.items()}
            words = words[4:]
        if len(words) != 1 or scope.names.get(words[0].text) != "messages":
            raise _problem(action)
        parts, ended = self._block(_Scope(_MESSAGE, rooted, scope.depth + 1))
        if ended is None or ended.words != (Word("name", "end"),):
            raise TemplateProblem("its 'range' has no plain 'end'")
        body = "".join(part.jinja for part in parts)
        return _Part(f"{{% for message in messages %}}{body}{{% endfor %}}", is_range=True)

    def _variable(self, action: Action, head: Word, scope: _Scope) -> tuple[_Part, _Scope]:
        """It is put in wherever it is named: nothing in these templates changes meanwhile."""
        if action.words[1].text != ":=":
            raise _problem(action)
        value = Expression(action, action.words[2:], scope.names).read()
        if len(value) > MAX_VARIABLE_CHARS:
            raise _problem(action)
        return _Part(""), replace(scope, rooted={**scope.rooted, head.text: f"({value})"})


def _problem(action: Action) -> TemplateProblem:
    return TemplateProblem(f"it uses '{{{{ {action.source} }}}}'")
