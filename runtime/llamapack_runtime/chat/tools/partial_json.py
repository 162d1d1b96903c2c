"""Follows a JSON text character by character, and can end it at any moment. Pure."""

from __future__ import annotations

MAX_DEPTH = 128

_SPACE = " \t\n\r"
_WORDS = {"t": "rue", "f": "alse", "n": "ull"}
_ESCAPED = '"\\/bfnrt'
_HEX = "0123456789abcdefABCDEF"
_DIGITS = "0123456789"
# What may follow in a number: state -> (characters, next state). A digit is written 0.
_NUMBER = {
    "-": {"z": "zero", "0": "int"},
    "zero": {".": ".", "e": "e"},
    "int": {"z": "int", "0": "int", ".": ".", "e": "e"},
    ".": {"z": "fraction", "0": "fraction"},
    "fraction": {"z": "fraction", "0": "fraction", "e": "e"},
    "e": {"z": "exponent", "0": "exponent", "+": "e+"},
    "e+": {"z": "exponent", "0": "exponent"},
    "exponent": {"z": "exponent", "0": "exponent"},
}
_UNFINISHED = ("-", ".", "e", "e+")


class JsonText:
    """One JSON value, after which nothing is accepted. `taken` gives the text so far but for the
    comma and the key before a value that has not begun: without them it can be ended."""

    def __init__(self) -> None:
        self.is_complete = False
        self._state = "value"
        self._nested: list[str] = []
        self._word = ""  # what is left of true, false, null or an escape
        self._is_key = False
        self._certain: list[str] = []
        self._held: list[str] = []

    def push(self, text: str) -> int:
        """How many of the characters at its beginning belong to the value."""
        for count, character in enumerate(text):
            if self.is_complete or not self._accept(character):
                return count
        return len(text)

    def taken(self) -> str:
        """The certain text since the last call."""
        text = "".join(self._certain)
        self._certain.clear()
        return text

    def closing(self) -> str:
        """What makes the text that was taken a whole JSON value; a value that never began is
        null."""
        if self.is_complete:
            return ""
        end = ""
        if not self._held:
            end = self._value_closing()
        return end + "".join("}" if one == "{" else "]" for one in reversed(self._nested))

    def _value_closing(self) -> str:
        if self._state == "value" and not self._nested:
            return "null"
        if self._state in ("string", "escape"):
            return self._word + ("\\" if self._state == "escape" else "") + '"'
        if self._state == "unicode":
            return self._word + '"'
        if self._state == "word":
            return self._word
        return "0" if self._state in _UNFINISHED else ""

    def _accept(self, character: str) -> bool:
        if self._state in _NUMBER:
            return self._in_number(character)
        step = getattr(self, f"_in_{self._state}")
        accepted: bool = step(character)
        return accepted

    def _keep(self, character: str) -> bool:
        """It belongs to a value, and so does what was held before it."""
        if self._is_key:
            return self._hold(character)
        self._certain += self._held
        self._held.clear()
        self._certain.append(character)
        return True

    def _hold(self, character: str) -> bool:
        self._held.append(character)
        return True

    def _space(self, character: str) -> bool:
        if character not in _SPACE:
            return False
        (self._held if self._held else self._certain).append(character)
        return True

    def _ended_value(self) -> None:
        self._state = "next"
        self.is_complete = not self._nested

    def _in_value(self, character: str) -> bool:
        if character in _SPACE:
            return bool(self._nested) and self._space(character)
        if character in "{[":
            if len(self._nested) >= MAX_DEPTH:
                return False
            self._nested.append(character)
            self._state = "first_key" if character == "{" else "first_item"
        elif character == '"':
            self._state = "string"
        elif character in _WORDS:
            self._state, self._word = "word", _WORDS[character]
        elif character == "-":
            self._state = "-"
        elif character in _DIGITS:
            self._state = "zero" if character == "0" else "int"
        else:
            return False
        return self._keep(character)

    def _in_first_item(self, character: str) -> bool:
        return self._close(character) if character == "]" else self._in_value(character)

    def _in_first_key(self, character: str) -> bool:
        return self._close(character) if character == "}" else self._in_key(character)

    def _in_key(self, character: str) -> bool:
        if character != '"':
            return self._space(character)
        self._is_key, self._state = True, "string"
        return self._hold(character)

    def _in_colon(self, character: str) -> bool:
        if character != ":":
            return self._space(character)
        self._state = "value"
        return self._hold(character)

    def _in_next(self, character: str) -> bool:
        if character == ",":
            self._state = "key" if self._nested[-1] == "{" else "value"
            return self._hold(character)
        return self._close(character) if character in "}]" else self._space(character)

    def _close(self, character: str) -> bool:
        if (self._nested[-1] == "{") != (character == "}"):
            return False
        self._nested.pop()
        self._keep(character)
        self._ended_value()
        return True

    def _in_string(self, character: str) -> bool:
        if character < " ":
            return False
        if character == "\\":
            self._state = "escape"
        self._keep(character)
        if character == '"' and self._is_key:
            self._is_key, self._state = False, "colon"
        elif character == '"':
            self._ended_value()
        return True

    def _in_escape(self, character: str) -> bool:
        if character == "u":
            self._state, self._word = "unicode", "0000"
        elif character in _ESCAPED:
            self._state = "string"
        else:
            return False
        return self._keep(character)

    def _in_unicode(self, character: str) -> bool:
        if character not in _HEX:
            return False
        self._word = self._word[1:]
        if not self._word:
            self._state = "string"
        return self._keep(character)

    def _in_word(self, character: str) -> bool:
        if character != self._word[0]:
            return False
        self._word = self._word[1:]
        self._keep(character)
        if not self._word:
            self._ended_value()
        return True

    def _in_number(self, character: str) -> bool:
        following = _NUMBER[self._state].get(_kind(character))
        if following is not None:
            self._state = following
            return self._keep(character)
        if self._state in _UNFINISHED:
            return False
        if not self._nested:
            self.is_complete = True  # a number that stands alone ends before what is no number
            return False
        self._ended_value()
        return self._in_next(character)


def _kind(character: str) -> str:
    """As the table of numbers writes it."""
    if character == "0":
        return "z"
    if character in "123456789":
        return "0"
    return {"E": "e", "-": "+"}.get(character, character)
