"""Takes out of a text what its reader need not know: who somebody is, and secrets. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_HIDDEN = "(hidden)"
_LEAST_SECRET = 6  # characters: shorter ones stand in words that have nothing to do with them
_LEAST_NAME = 3


@dataclass(frozen=True, slots=True)
class Mask:
    """`homes` are the paths of the user's folder, which becomes "~"; `user` is the name to log in,
    `secrets` are keys and whole texts."""

    homes: tuple[str, ...]
    user: str
    secrets: tuple[str, ...] = ()

    def text(self, text: str) -> str:
        for secret in _longest_first(self.secrets, _LEAST_SECRET):
            text = text.replace(secret, _HIDDEN)
        for home in _longest_first(self.homes, 2):  # "/" is no home to speak of
            text = re.sub(rf"{re.escape(home.rstrip('/'))}(?![\w.-])", "~", text)
        name = re.escape(self.user)
        if self.user:
            text = re.sub(rf"(?<=[/\\]){name}(?=[/\\]|$)", "USER", text, flags=re.M)
        if len(self.user) >= _LEAST_NAME:
            text = re.sub(rf"(?<!\w){name}(?!\w)", "USER", text)
        return text

    def facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """With each text inside masked; the names of facts are ours."""
        return {name: self._value(value) for name, value in facts.items()}

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self.facts(value)
        return [self._value(one) for one in value] if isinstance(value, list) else value


def _longest_first(texts: Iterable[str], least: int) -> list[str]:
    """One may be a part of another."""
    return sorted((text for text in texts if len(text) >= least), key=len, reverse=True)
