"""The conditions and values of Ollama's templates as Jinja expressions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from llamapack.inputs.go_lexer import Action, TemplateProblem, Word

MAX_DEPTH = 30
_OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


class Expression:
    """Reads the words of one action. `names` gives the Jinja expression for each field and
    variable that means something there."""

    def __init__(self, action: Action, words: Sequence[Word], names: Mapping[str, str]) -> None:
        self._action = action
        self._words = words
        self._names = names
        self._at = 0
        self._depth = 0

    def read(self) -> str:
        """All words as one expression. TemplateProblem for what there is not in Jinja or here."""
        found = self._call()
        if self._at < len(self._words):
            raise self.problem()
        return found

    def problem(self) -> TemplateProblem:
        return TemplateProblem(f"it uses '{{{{ {self._action.source} }}}}'")

    def _call(self) -> str:
        """A function with its operands, or a single operand."""
        word = self._peek()
        if word is None:
            raise self.problem()
        if word.kind != "name" or word.text in ("true", "false"):
            return self._operand()
        self._at += 1
        operands = []
        while (after := self._peek()) is not None and after.text != ")":
            operands.append(self._operand())
        return self._applied(word.text, operands)

    def _operand(self) -> str:
        word = self._peek()
        self._at += 1
        if word is None:
            raise self.problem()
        if word == Word("mark", "("):
            return self._parenthesis()
        if word.kind == "text":
            return literal(word.text)
        if word.kind == "number" or word.text in ("true", "false"):
            return word.text
        if word.kind in ("field", "variable") or word == Word("mark", "."):
            if word.text in self._names:
                return self._names[word.text]
            raise TemplateProblem(f"it uses {word.text} in '{{{{ {self._action.source} }}}}'")
        raise self.problem()

    def _parenthesis(self) -> str:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateProblem("its parentheses are too deep")
        inner = self._call()
        if self._peek() != Word("mark", ")"):
            raise self.problem()
        self._at += 1
        self._depth -= 1
        return f"({inner})"

    def _applied(self, function: str, operands: list[str]) -> str:
        if function in ("and", "or") and operands:
            return f" {function} ".join(operands)
        if function == "not" and len(operands) == 1:
            return f"not {operands[0]}"
        if function == "len" and len(operands) == 1:
            return f"({operands[0]}|length)"
        if function == "slice" and len(operands) == 2:
            return f"{operands[0]}[{operands[1]}:]"
        if function == "eq" and len(operands) > 2:  # equal to any of them
            return f"{operands[0]} in [{', '.join(operands[1:])}]"
        if function in _OPERATORS and len(operands) == 2:
            return f"{operands[0]} {_OPERATORS[function]} {operands[1]}"
        raise self.problem()

    def _peek(self) -> Word | None:
        return self._words[self._at] if self._at < len(self._words) else None


def literal(text: str) -> str:
    """A text as Jinja has it between quotation marks, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
